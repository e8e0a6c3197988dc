"""A point that goes down on a function: the whole model is where it stands (book 7.4)."""

import torch
from torch import Tensor, nn

from dlrun.errors import UserError


class Point(nn.Module):
    def __init__(self, coordinates: int, *, start: list[float]):
        super().__init__()
        if len(start) != coordinates:
            raise UserError(f"model.start={start}: the function takes {coordinates} numbers.")
        self.x = nn.Parameter(torch.tensor(start, dtype=torch.float32))

    def forward(self) -> Tensor:
        """() -> (coordinates,)."""
        return self.x
