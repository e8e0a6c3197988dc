"""A vocabulary: how texts are split, what is counted and learned, and the one string that a checkpoint keeps."""

import io
import json
import random
import re
import string
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch

from dlrun.text.vocab import Tokenization, Vocab

NASTY = [
    "ΟΔΟΣ Σ ΑΣ.Β ΣΑΣ",  # a small sigma has another form at a word's end
    "İstanbul I ß ẞ ﬁ Ǆ",  # one capital becomes two characters
    "a\tb\x0bc\x0cd\re\nf",
    "Ça\xa0va\u202f? Oui,oui\u2009!",
    "a\x1cb\x1dc\x1ed\x1fe\x85f\u2028g\u200bh",  # white space to Python, but for the last
    "👩‍👩‍👧 👍🏽!x🇫🇷",
    "e\u0301 É n\u0303o",
    "",
    "   ",
    "x" * 10_000,
    "!" * 10_000,
    "It's <br />GREAT, no?'' \"q\" <BR/> <br /><br />don't_stop-now... 'tis",
    "<unk> <pad> a<eos>b <bos>",
    "风雨 龘。",
    "a\x00b\x7f",
    "N n N-year an N\x1cN\u200b n\nn",
]


def words(text: str) -> list[str]:
    return text.lower().split()


def treebank(text: str) -> list[str]:
    return ["N" if word == "n" else word for word in words(text)]


def review(text: str) -> list[str]:
    text = text.lower().replace("<br />", " ")
    for mark in string.punctuation:
        if mark not in "'_":
            text = text.replace(mark, f" {mark} ")
    return text.replace("'", " '").split()


def sentence(text: str) -> list[str]:
    text = text.lower().replace("\u202f", " ").replace("\xa0", " ")
    return re.sub(r"([,.!?])", r" \1 ", text).split()


RULES: dict[tuple[Tokenization, str | None], Callable[[str], list[str]]] = {
    ("word", None): words,
    ("word", "treebank"): treebank,
    ("word", "review"): review,
    ("word", "sentence"): sentence,
    ("char", None): list,
    ("char", "sentence"): lambda text: list(" ".join(sentence(text))),
}


@pytest.mark.parametrize("tokenization, normalizer", RULES)
def test_texts_are_split_by_the_rule(tokenization: Tokenization, normalizer: str | None) -> None:
    rule = RULES[tokenization, normalizer]
    vocab = Vocab.count(NASTY, tokenization=tokenization, normalizer=normalizer)
    for text in NASTY:
        assert vocab.split(text) == rule(text)
        assert vocab.decode(vocab.ids(text)) == rule(text)
        assert vocab.text(vocab.ids(text)) == (" " if tokenization == "word" else "").join(rule(text))


def test_special_tokens_stay_whole_among_characters_only() -> None:
    options: dict[str, Any] = {"special_tokens": ["<eos>", "<unk>"], "unknown": "<unk>"}
    vocab = Vocab.count(["ab<eos>b<unk>\n<eo"], tokenization="char", **options)
    assert vocab.split("a<eos>\n<unk><eo") == ["a", "<eos>", "\n", "<unk>", "<", "e", "o"]
    assert vocab.ids("z<unk>") == [vocab.unknown] * 2
    assert vocab.tokens == ["b", "\n", "<", "<eos>", "<unk>", "a", "e", "o"]
    assert Vocab.count(["a<eos>b <eos>"], tokenization="word", **options).tokens == ["<eos>", "a<eos>b"]


def test_equally_frequent_tokens_stand_in_the_order_of_the_alphabet() -> None:
    draw = random.Random(0)
    names = [chr(draw.choice([65, 0xE9, 0x98CE, 0xFFFD, 0x1F600, 0x10FFFF]) - draw.randrange(60)) for _ in range(300)]
    texts = [" ".join(draw.choices(names, k=50)) for _ in range(40)]
    counts = Counter(word for text in texts for word in words(text))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    assert len(set(counts.values())) < len(counts) / 3  # there are ties
    assert Vocab.count(texts, tokenization="word").tokens == ranked
    often = [word for word in ranked if counts[word] >= 8]
    assert 3 < len(often) < len(ranked)
    first = ["<pad>", "<unk>", ranked[2]]
    vocab = Vocab.count(texts, tokenization="word", first=first, unknown="<unk>", min_freq=8)
    assert vocab.tokens == [*first, *(word for word in often if word != ranked[2])] and vocab.unknown == 1
    assert Vocab.count(texts, tokenization="word", first=first, max_size=3).tokens == [*first, *ranked[:2], ranked[3]]
    assert Vocab.count(texts, tokenization="word", unknown="<unk>").unknown is None


def test_a_token_that_is_not_known() -> None:
    strict, open_ = (Vocab(["<unk>", "a", "b"], tokenization="word", unknown=unknown) for unknown in (None, "<unk>"))
    assert open_.ids("B c a") == [2, 0, 1] and open_.encode(["B"]) == [0]
    with pytest.raises(KeyError, match="c"):
        strict.ids("B c a")


# byte pairs


@pytest.fixture(scope="module")
def pairs() -> Vocab:
    return Vocab.learn(["a low tower", "a low roof"], vocab_size=300, special_tokens=["<pad>"], min_freq=2)


def test_byte_pairs_spell_any_text(pairs: Vocab) -> None:
    for text in ("风雨", "It's GREAT!\n\tno <br />", "\u2603\U0001f600é\x00\x7f", " two  spaces ", "", *NASTY):
        assert pairs.text(pairs.ids(text)) == text
        assert pairs.encode(pairs.split(text)) == pairs.ids(text)
    assert list(pairs.ids_of(NASTY * 70)) == [pairs.ids(text) for text in NASTY] * 70  # on all cores, in their order
    assert len(set(pairs.tokens)) == len(pairs)
    assert pairs.join(pairs.split("龘")[:-1]) == "\ufffd"  # two of its three bytes
    assert pairs.text(pairs.ids("low \udcff")) == "low \ufffd"  # a byte of the command line that is no UTF-8


def test_frequent_pairs_are_merged_and_a_words_space_goes_with_it(pairs: Vocab) -> None:
    assert pairs.tokens[0] == "<pad>" and pairs.split("a low vow <pad>") == ["a", " low", " ", "v", "ow", " ", "<pad>"]
    assert pairs.token("low") == " low" and pairs.token("other") == "other"
    assert len(pairs) < 265  # no more pairs occur twice


def test_byte_pairs_of_normalized_texts() -> None:
    vocab = Vocab.learn(["Va, LA.", "va"], vocab_size=300, min_freq=2, normalizer="sentence")
    assert vocab.ids("LA va!") == vocab.ids("la va !") and "va" in vocab.tokens


# the string that is kept


def examples(pairs: Vocab) -> list[Vocab]:
    chars = Vocab.count(NASTY, tokenization="char", special_tokens=["<eos>", "<unk>"], unknown="<unk>")
    reviews = Vocab.count(NASTY, tokenization="word", normalizer="review", first=["<pad>", "<unk>"], unknown="<unk>")
    sentences = Vocab.learn(NASTY, vocab_size=320, special_tokens=["<eos>"], min_freq=2, normalizer="sentence")
    return [chars, reviews, pairs, sentences, Vocab("ab", tokenization="char")]


def test_it_comes_back_from_its_string_in_a_checkpoint(pairs: Vocab) -> None:
    for vocab in examples(pairs):
        buffer = io.BytesIO()
        torch.save({"vocab": vocab.to_json()}, buffer)
        buffer.seek(0)
        again = Vocab.from_json(torch.load(buffer, weights_only=True)["vocab"])
        assert vars(again).keys() == vars(vocab).keys() and again.to_json() == vocab.to_json()
        assert (again.tokens, again.index, again.unknown) == (vocab.tokens, vocab.index, vocab.unknown)
        assert (again.tokenization, again.special_tokens) == (vocab.tokenization, vocab.special_tokens)
        for text in NASTY if len(vocab) > 2 else ["abba"]:
            assert again.ids(text) == vocab.ids(text) and again.split(text) == vocab.split(text)


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("word", {"version": 2}, "of version 2"),
    ("word", {"version": None}, "version: expected int, got null"),
    ("word", {"tokenization": "line"}, "tokenization: invalid enum value 'line'"),
    ("word", {"tokenization": "bpe"}, "a byte or a special token has no id"),
    ("word", {"normalizer": "__import__"}, "no normalizer '__import__'"),
    ("word", {"tokens": ["a", "b", "a"]}, "stands twice, or is empty"),
    ("word", {"tokens": ["a", ""]}, "stands twice, or is empty"),
    ("word", {"tokens": ["a", "\udc80"]}, "invalid utf-16 surrogate pair"),
    ("word", {"tokens": {"a": 0, "b": 5}}, "tokens: expected array, got object"),
    ("word", {"tokens": ["a", 5]}, "tokens[1]: expected str, got int"),
    ("word", {"unknown": 1}, "unknown: expected str | null, got int"),
    ("word", {"special_tokens": [""]}, "special tokens are too many, or one is empty"),
    ("word", {"special_tokens": ["(a+)+$" * 100] * 100}, "special tokens are too many, or one is empty"),
    ("bpe", {"special_tokens": ["<other>"]}, "a byte or a special token has no id"),
    ("bpe", {"merges": [["a", "b", "c"]]}, "merges[0]: expected array of length 2"),
    ("bpe", {"merges": [["a", "none"]]}, "a pair is merged to what is no token"),
    ("bpe", {"merges": [["", "a"]]}, "a pair is merged to what is no token"),
    ("bpe", {"merges": [["l", "z"]]}, "a pair is merged to what is no token"),
]


@pytest.mark.parametrize("kind, changed, message", WRONG)
def test_a_wrong_string_is_one_message(kind: str, changed: dict[str, Any], message: str, pairs: Vocab) -> None:
    saved = json.loads((pairs if kind == "bpe" else Vocab(["a", "b"], tokenization="word")).to_json())
    with pytest.raises(ValueError, match=re.escape(message)):
        Vocab.from_json(json.dumps(saved | changed))


@pytest.mark.parametrize(
    "text", ["", "{}", "null", "[" * 100_000, '{"x":' * 100_000, "\udcff", "\x00", " " * 20_000_000, 5, None, b"{}"]
)
def test_what_is_no_vocabulary_at_all(text: Any) -> None:
    with pytest.raises(ValueError, match="."):
        Vocab.from_json(text)


def test_a_token_that_no_file_could_hold_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        Vocab(["a", "\udc80"], tokenization="word")
    with pytest.raises(ValueError) as told:
        Vocab.from_json(json.dumps({"version": 1, "tokenization": "x" * 10_000}))
    assert len(str(told.value)) <= 200


def test_damage_at_any_place_is_told_or_harmless(pairs: Vocab) -> None:
    """A character is changed, left out or doubled: ValueError, or a vocabulary that still reads and writes."""
    draw, refused = random.Random(0), 0
    for vocab in examples(pairs):
        whole = vocab.to_json()
        for _ in range(40):
            place = draw.randrange(len(whole))
            text = whole[:place] + draw.choice(["", "\0", '"', "[", "é", whole[place] * 2]) + whole[place + 1 :]
            try:
                made = Vocab.from_json(text)
            except ValueError:
                refused += 1
                continue
            assert sorted(made.index.values()) == list(range(len(made)))
            assert made.decode(made.encode(made.tokens)) == made.tokens and isinstance(made.split("a low vow"), list)
    assert 20 < refused < 200
