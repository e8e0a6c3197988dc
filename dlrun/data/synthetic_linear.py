"""Synthetic linear regression, y = Xw + b + noise (book 3.2): the best possible mse is the noise's variance."""

import torch

from dlrun.data.base import Data, Schema, Split, held_out
from dlrun.errors import UserError
from dlrun.limits import Fraction, NonNegativeFloat, PositiveInt


def load(
    *,
    n: PositiveInt,
    weights: list[float],
    bias: float,
    noise: NonNegativeFloat,
    val: Fraction,
    test: Fraction,
    seed: int,
) -> Data:
    """x is (n, len(weights)) standard normal, y (n, 1); `val` and `test` are fractions of n. Nothing needs scaling."""
    if not weights:
        raise UserError("data.weights=[] leaves nothing to learn. Type at least one: data.weights=[2.0]")
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(n, len(weights), generator=draw)
    y = x @ torch.tensor(weights, dtype=torch.float32).unsqueeze(1) + bias
    y += noise * torch.randn(n, 1, generator=draw)
    train, *rest = (Split(x[rows], y[rows]) for rows in held_out(torch.arange(n), val, test))
    val_split, test_split = (part if len(part) else None for part in rest)
    return Data(train, val_split, test_split, Schema({"in_features": len(weights), "outputs": 1}, "table", "number"))
