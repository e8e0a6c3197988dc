"""The types every dataset answers with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

if TYPE_CHECKING:
    from dlrun.data.schema import Schema


class Vocab:
    """Tokens and their numbers. `unknown` is the number given to a token that is not known, or None: then KeyError.

    `marks` are tokens of several characters that stay whole where a text is split into characters.
    """

    def __init__(
        self,
        tokens: Iterable[str],
        *,
        level: Literal["char", "word", "bpe"],
        unknown: int | None = None,
        marks: Sequence[str] = (),
    ):
        self.tokens = list(tokens)
        self.index = {token: number for number, token in enumerate(self.tokens)}
        self.level = level
        self.unknown = unknown
        self.marks = tuple(marks)

    def __len__(self) -> int:
        return len(self.tokens)

    def split(self, text: str) -> list[str]:
        """A text's tokens: its characters, or its words in lower case."""
        return characters(text, self.marks) if self.level == "char" else text.lower().split()

    def join(self, tokens: Iterable[str]) -> str:
        return ("" if self.level == "char" else " ").join(tokens)

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """Numbers of the tokens; KeyError for one that is not known when there is no `unknown`."""
        if self.unknown is None:
            return [self.index[token] for token in tokens]
        return [self.index.get(token, self.unknown) for token in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        return [self.tokens[number] for number in ids]

    def ids(self, text: str) -> list[int]:
        """A text's numbers; KeyError as in `encode`."""
        return self.encode(self.split(text))

    def text(self, ids: Iterable[int]) -> str:
        """The way back from `ids`: exact but for what is unknown and, between words, for capitals and white space."""
        return self.join(self.decode(ids))

    def token(self, word: str) -> str:
        """What stands for a word inside a text."""
        return word


def characters(text: str, marks: Sequence[str]) -> list[str]:
    """A text's characters, but `marks` whole."""
    return re.findall("|".join([*map(re.escape, marks), "."]), text, re.DOTALL) if marks else list(text)


@dataclass(frozen=True)
class Split:
    """One part of a dataset, on one device.

    Tables and images: `x` is (N, F) or (N, C, H, W), images as uint8; `y` is (N,) classes or (N, outputs) targets.
    Texts: `x` is one flat (total,) tensor of tokens, text i is `x[offsets[i]:offsets[i + 1]]`; `y` is (N,) or None.
    Pairs of sentences: `x` is (N, S) and `y` (N, T) tokens, each with its `<eos>`, then 0.
    """

    x: Tensor
    y: Tensor | None = None
    offsets: Tensor | None = None

    def __len__(self) -> int:
        return len(self.x) if self.offsets is None else len(self.offsets) - 1

    def to(self, device: torch.device) -> Split:
        y = None if self.y is None else self.y.to(device)
        return Split(self.x.to(device), y, None if self.offsets is None else self.offsets.to(device))


@dataclass(frozen=True)
class Data:
    """What exists; `val` or `test` is None where nothing is held out."""

    train: Split
    val: Split | None
    test: Split | None
    schema: Schema
    objective: Callable[[Tensor], Tensor] | None = None  # (..., coordinates) -> (...), where a function is all there is
    note: str = field(default="")  # one line for the user on what is special, such as "nothing is held out"
