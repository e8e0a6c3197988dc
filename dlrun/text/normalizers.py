"""What is done to a text before it is split into tokens, by the name that a vocabulary remembers.

Python's own replacing and white space: for IMDb's reviews 4 to 8 times as fast as the same rules in the library
`tokenizers` on two cores (bench/split_texts.py), whose lower case also knows no final sigma.
"""

import re
import string
from collections.abc import Callable

PUNCTUATION = [mark for mark in string.punctuation if mark not in "'_"]


def review(text: str) -> str:
    """`It's <br />GREAT!` -> `it 's    great ! `    Plain replacing takes a quarter of a regular expression's time."""
    text = text.lower().replace("<br />", " ")
    for mark in PUNCTUATION:
        text = text.replace(mark, f" {mark} ")
    return text.replace("'", " '")


APART = re.compile(r"([^\w\s']|[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")


def prose(text: str) -> str:
    """`It's “GREAT”!` -> `it 's  “ great ”  ! `    In any script; Chinese and Japanese characters are words each."""
    return APART.sub(r" \1 ", text.lower()).replace("'", " '")


def sentence(text: str) -> str:
    """`Ils regardent!` -> `ils regardent !`    One space each, for the no-break ones that French has, too."""
    return " ".join(re.sub(r"([,.!?])", r" \1 ", text.lower()).split())


def treebank(text: str) -> str:
    """Lower case, but for the word `N`, which stands for every number in the Penn Treebank."""
    return re.sub(r"(?<!\S)n(?!\S)", "N", text.lower())


NORMALIZERS: dict[str, Callable[[str], str]] = {
    "none": str,
    "lower": str.lower,
    "prose": prose,
    "review": review,
    "sentence": sentence,
    "treebank": treebank,
}
