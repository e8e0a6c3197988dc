"""Numbers that say where a token stands (Vaswani 2017, arXiv 1706.03762, section 3.5)."""

import torch
from torch import Tensor


def positions(steps: int, width: int) -> Tensor:
    """(T, D) sin and cos of t / 10000^(2i / D), side by side."""
    angles = torch.arange(steps).unsqueeze(1) / 10_000 ** (torch.arange(0, width, 2) / width)
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)
