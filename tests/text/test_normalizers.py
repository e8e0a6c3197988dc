"""What is done to a text before it is split: the examples of each docstring, and where two of them differ."""

import pytest

from dlrun.text.normalizers import NORMALIZERS, prose, review, sentence, treebank


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("none", "Any THING", ["Any", "THING"]),
        ("lower", "Any THING", ["any", "thing"]),
        ("review", "It's <br />GREAT!", ["it", "'s", "great", "!"]),
        ("review", "snake_case 'til <BR />", ["snake_case", "'til"]),
        ("prose", "It's “GREAT”!", ["it", "'s", "“", "great", "”", "!"]),
        ("prose", "猫が犬と—run", ["猫", "が", "犬", "と", "—", "run"]),
        ("sentence", "Ils\xa0regardent\u202f!", ["ils", "regardent", "!"]),
        ("sentence", "a,b;c", ["a", ",", "b;c"]),
        ("treebank", "N n N-year An", ["N", "N", "n-year", "an"]),
    ],
)
def test_words(name: str, text: str, words: list[str]) -> None:
    assert NORMALIZERS[name](text).split() == words


def test_only_sentences_have_one_space_each() -> None:
    assert sentence("  a   b , c ") == "a b , c"
    assert [rule("a  b") for rule in (review, prose, treebank)] == ["a  b"] * 3


def test_what_was_normalized_stays() -> None:
    """A vocabulary reads its own texts again."""
    for name, rule in NORMALIZERS.items():
        once = rule("It's <br /> GREAT!  “N” 猫, n\n").split()
        assert rule(" ".join(once)).split() == once, name
