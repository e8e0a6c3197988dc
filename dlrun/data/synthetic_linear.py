"""Synthetic linear regression, y = Xw + b + noise (book 3.2): the best possible mse is the noise's variance."""

from __future__ import annotations

import torch

from dlrun.data.base import Data, Split
from dlrun.limits import Amount, Positive, Share


def load(*, n: Positive, weights: list[float], bias: float, noise: Amount, val: Share, test: Share, seed: int) -> Data:
    """x is (n, len(weights)) standard normal, y (n, 1); `val` and `test` are shares of n."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(n, len(weights), generator=draw)
    y = x @ torch.tensor(weights, dtype=torch.float32).unsqueeze(1) + bias
    y += noise * torch.randn(n, 1, generator=draw)
    held = [round(n * val), round(n * test)]
    parts = [
        Split(x_part, y_part)
        for x_part, y_part in zip(x.split([n - sum(held), *held]), y.split([n - sum(held), *held]), strict=True)
    ]
    train, val_part, test_part = (part if len(part) else None for part in parts)
    assert train is not None
    return Data(train, val_part, test_part, {"in_features": len(weights), "outputs": 1})
