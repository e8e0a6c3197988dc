"""Pairs of sentences: the toy language and its known answers, what is held out, and the course's own 20 pairs."""

from types import ModuleType
from typing import Any

import pytest
from readers import stand_in

from dlrun.data import fr_en, fra_eng
from dlrun.data.base import Split
from dlrun.data.fr_en import EOS, PAD
from dlrun.errors import UserError
from dlrun.text.vocab import Vocab

pytestmark = pytest.mark.usefixtures("shared")


def sentences(vocab: Vocab, ids: Any) -> list[str]:
    return [" ".join(vocab.decode(id for id in row if id not in (PAD, EOS))) for row in ids.tolist()]


def pairs(data: Any, split: Split) -> list[tuple[str, str]]:
    return list(zip(sentences(data.schema.vocab, split.x), sentences(data.schema.target_vocab, split.y), strict=True))


def answer(foreign: str) -> str:
    """The toy language's only right translation, found without the code that made the pairs."""
    words = foreign.split()
    asks = words[0] == "chu"
    english = [{**fr_en.NOUNS, **fr_en.DESCRIBING, **fr_en.VERBS, **fr_en.ARTICLES}[word] for word in words[asks:-1]]
    for place, word in enumerate(english):
        if word in fr_en.DESCRIBING.values():
            english[place - 1], english[place] = word, english[place - 1]
    verb = next(place for place, word in enumerate(english) if word in fr_en.VERBS.values())
    subject, thing = english[:verb], english[verb + 1 :]
    if asks:
        return " ".join(["does", *thing, english[verb], *subject, "?"])
    return " ".join([*subject, english[verb], *thing, "."])


@pytest.mark.parametrize("module", [fr_en, fra_eng])
def test_the_toy_language_has_one_answer_and_loses_nothing(module: ModuleType) -> None:
    data = stand_in(module, val=0.1, test=0.2, min_freq=1)
    found = [pairs(data, split) for split in (data.train, data.val, data.test)]
    assert [len(part) for part in found] == ([700, 100, 200] if module is fr_en else [1050, 150, 300])
    every = sum(found, [])
    assert all(answer(foreign) == english for foreign, english in every)
    assert len({foreign for foreign, _ in every}) == len({english for _, english in every}) == len(every)
    assert {id for split in (data.val, data.test) for id in split.x.unique().tolist()} <= set(
        range(len(data.schema.vocab))
    )
    assert not (data.test.x == fr_en.UNKNOWN).any() and not (data.test.y == fr_en.UNKNOWN).any()


def test_each_sentence_ends_and_then_is_padded() -> None:
    data = stand_in(fr_en)
    for side, vocab in ((data.train.x, data.schema.vocab), (data.train.y, data.schema.target_vocab)):
        assert ((side == EOS).sum(1) == 1).all()
        behind = (side == EOS).cumsum(1) - (side == EOS).long()
        assert ((side == PAD) == behind.bool()).all()
        assert (side[:, -1] != PAD).any()  # no wider than the longest
        assert vocab.tokens[:4] == ["<pad>", "<bos>", "<eos>", "<unk>"]
    assert data.schema.sizes == {
        "source_vocab_size": len(data.schema.vocab),
        "target_vocab_size": len(data.schema.target_vocab),
        "target_len": data.train.y.shape[1],
    }
    assert data.val is None and data.test is None and "nothing is held out" in data.note


def test_a_sentence_with_two_translations_is_not_split_between_the_parts() -> None:
    twice = [(["a", str(number // 2)], ["b", str(number)]) for number in range(200)]
    data: Any = fr_en.parallel(
        twice, tokenizer="word", vocab_size=None, max_words=None, min_freq=1, val=0.3, test=0.3, seed=1
    )
    parts = [{foreign for foreign, _ in pairs(data, split)} for split in (data.train,)]
    assert len(data.train) == 80 and len(parts[0]) == 40
    assert (len(data.val), len(data.test)) == (60, 60)


def test_options() -> None:
    plain, turned = stand_in(fr_en), stand_in(fr_en, reverse=True)
    assert pairs(turned, turned.train) == [(english, foreign) for foreign, english in pairs(plain, plain.train)]
    short = stand_in(fr_en, max_words=6)
    assert 0 < len(short.train) < len(plain.train)
    assert max(len(text.split()) for pair in pairs(short, short.train) for text in pair) == 6
    with pytest.raises(UserError, match="data.max_words=2 leaves no sentence"):
        stand_in(fr_en, max_words=2)
    rare = stand_in(fr_en, min_freq=900)
    assert (rare.train.x == fr_en.UNKNOWN).any() and len(rare.schema.vocab) < len(plain.schema.vocab)


def test_words_are_split_from_marks() -> None:
    vocab = stand_in(fr_en).schema.vocab
    assert vocab.split("Ça\xa0va\u202f? Oui,oui !") == ["ça", "va", "?", "oui", ",", "oui", "!"]


@pytest.mark.real_data
def test_the_courses_pairs(real: Any) -> None:
    data = real(fr_en)
    assert len(data.train) == 20 and data.train.x.shape == (20, 7) and data.train.y.shape == (20, 7)
    assert ("ils regardent .", "they are watching .") in pairs(data, data.train)
    assert len(data.schema.vocab) == len({w for source, _ in pairs(data, data.train) for w in source.split()}) + 4


@pytest.mark.parametrize("tokenizer, size", [("char", None), ("bpe", 300)])
def test_sentences_in_other_tokens_can_be_read_back(tokenizer: str, size: int | None) -> None:
    words, data = stand_in(fr_en, test=0.2), stand_in(fr_en, test=0.2, tokenizer=tokenizer, vocab_size=size)
    for part in ("train", "test"):
        split, wanted = getattr(data, part), pairs(words, getattr(words, part))
        for number, side, vocab in ((0, split.x, data.schema.vocab), (1, split.y, data.schema.target_vocab)):
            texts = [vocab.text(id for id in row if id not in (PAD, EOS)) for row in side.tolist()]
            assert texts == [pair[number] for pair in wanted]
            assert (side[:, -1] != PAD).any() and vocab.tokens[:4] == ["<pad>", "<bos>", "<eos>", "<unk>"]
    assert data.schema.vocab.ids("La KATO?") == data.schema.vocab.ids("la kato ?")
    assert data.schema.sizes == {
        "source_vocab_size": len(data.schema.vocab),
        "target_vocab_size": len(data.schema.target_vocab),
        "target_len": data.train.y.shape[1],
    }
    with pytest.raises(UserError, match="data.tokenizer=word has no data.vocab_size"):
        stand_in(fr_en, vocab_size=300)
