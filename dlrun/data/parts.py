"""Cutting a dataset into training, validation and test part."""

from __future__ import annotations

import torch
from torch import Tensor

from dlrun.errors import UserError


def shuffled(count: int, seed: int) -> Tensor:
    """(count,) a fixed order of the rows: `data.seed` alone decides which are held out."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def held_out(rows: Tensor, val: float, test: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """`rows` in three: what is left to train on comes first, then the shares `val` and `test` of all, rounded."""
    held = [round(len(rows) * val), round(len(rows) * test)]
    left = len(rows) - sum(held)
    if left < 1:
        raise UserError(f"The held-out shares leave nothing of {len(rows)} to train on. Type a smaller data.val=…")
    train, val_rows, test_rows = rows.split([left, *held])
    return train, val_rows, test_rows
