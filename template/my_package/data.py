"""Two spirals in the plane, one a class: made up, so that nothing has to be fetched. Put your own data here."""

import torch

from dlrun.data.base import Data, Schema, Split, held_out, shuffled
from dlrun.limits import Fraction, NonNegativeFloat, PositiveFloat, PositiveInt


def load(*, n: PositiveInt, turns: PositiveFloat, noise: NonNegativeFloat, held: Fraction, seed: int) -> Data:
    """x is (n, 2) points, y (n,) classes 0 and 1. The options have their values in conf/data/my_package.yaml."""
    draw = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 2
    radius = torch.rand(n, generator=draw).sqrt()
    angle = 2 * torch.pi * (turns * radius + y / 2)
    x = radius.unsqueeze(1) * torch.stack([angle.cos(), angle.sin()], dim=1)
    x += noise * torch.randn(n, 2, generator=draw)
    train, val, test = (Split(x[rows], y[rows]) for rows in held_out(shuffled(n, seed), held, held))
    schema = Schema({"in_features": 2, "outputs": 2}, "table", "class", labels=("red", "blue"))
    return Data(train, val, test, schema)
