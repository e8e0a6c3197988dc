"""The types every dataset answers with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from dlrun.data.schema import Schema


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
