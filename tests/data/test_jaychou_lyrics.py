"""Lyrics: cut by position, read back from each kind of token, the book's first characters, facts of the real ones."""

from pathlib import Path

import pytest
from readers import stand_in, stand_in_folder, texts_of, tokens
from runs import Cli

from dlrun.data import jaychou_lyrics

pytestmark = pytest.mark.usefixtures("shared")


def test_they_are_cut_by_position():
    data, book = stand_in(jaychou_lyrics), stand_in(jaychou_lyrics, max_chars=1000)
    total = sum(len(split.x) for split in (data.train, data.val, data.test))
    assert (len(data.val.x), len(data.test.x)) == (round(0.05 * total), round(0.05 * total))
    assert " " in data.schema.vocab.index and "\n" not in data.schema.vocab.index
    assert book.val is None and book.test is None and "nothing is held out" in book.note
    assert len(book.train.x) == 1000 and len(book.train) == 1
    texts = ["".join(each.schema.vocab.decode(each.train.x[:1000].tolist())) for each in (data, book)]
    assert texts[0] == texts[1]


@pytest.mark.real_data
def test_facts(real):
    data, book = real(jaychou_lyrics), real(jaychou_lyrics, max_chars=10000)
    assert sum(len(split.x) for split in (data.train, data.val, data.test)) == 63282
    assert [len(split.x) for split in (data.val, data.test)] == [3164, 3164]
    assert book.schema.sizes == {"vocab_size": 1027} and len(book.train.x) == 10000
    assert "".join(book.schema.vocab.decode(book.train.x[:20].tolist())) == "想要有直升机 想要和你飞到宇宙去 想要和"


@pytest.mark.parametrize("tokenizer", ["char", "bpe"])
def test_they_can_be_read_back(tokenizer: str) -> None:
    text = jaychou_lyrics.read(stand_in_folder(jaychou_lyrics) / jaychou_lyrics.FILE)
    data, book = (
        stand_in(jaychou_lyrics, **tokens(tokenizer, 400)),
        stand_in(jaychou_lyrics, **tokens(tokenizer, 400, max_chars=1000)),
    )
    parts = [texts_of(data.schema.vocab, split)[0] for split in (data.train, data.val, data.test)]
    assert "".join(parts) == text and len(parts[1]) == len(parts[2]) == round(0.05 * len(text))
    assert texts_of(book.schema.vocab, book.train) == [text[:1000]] and book.val is None
    assert "all 1,000 characters" in book.note


def test_words_are_phrases_and_those_of_other_parts_unknown() -> None:
    text = jaychou_lyrics.read(stand_in_folder(jaychou_lyrics) / jaychou_lyrics.FILE)
    data = stand_in(jaychou_lyrics, **tokens("word", 400, val=0.0, test=0.2))
    assert data.val is None and data.schema.vocab.tokens[0] == "<unk>"
    known = text[: len(text) - round(0.2 * len(text))].split()
    assert texts_of(data.schema.vocab, data.train) == [" ".join(known)] and set(data.schema.vocab.tokens[1:]) == set(
        known
    )
    rest = text[len(text) - round(0.2 * len(text)) :].split()
    assert texts_of(data.schema.vocab, data.test) == [" ".join(word if word in known else "<unk>" for word in rest)]
    assert 0 < int((data.test.x == 0).sum()) < len(data.test.x)


def test_one_character_is_too_little(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("model=lstm", "data=jaychou_lyrics", "stand_in=always", "data.max_chars=1")
    said = "error: The training part is too small for one batch of this task. Pick another data=.\n"
    assert (code, out) == (2, "") and err.endswith(said)
    assert not (tmp_path / "outputs").exists()
