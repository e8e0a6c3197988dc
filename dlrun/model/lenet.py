"""LeNet: two convolutions and three linear layers (LeCun 1998; book 5.5).

The historic one has `activation: sigmoid`, `pool: avg` and no batch norm; it learns slowly, which is the point of the
book's chapter. What conf/model/lenet.yaml chooses learns well.
"""

from typing import Literal

from torch import Tensor, nn

from dlrun.errors import UserError
from dlrun.limits import Fraction

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
POOLS = {"avg": nn.AvgPool2d, "max": nn.MaxPool2d}
KERNEL = 5
SMALLEST = 16  # pixels that leave one after two convolutions of 5, each halved


class LeNet(nn.Module):
    def __init__(
        self,
        in_channels: int,
        height: int,
        width: int,
        outputs: int,
        *,
        activation: Literal["relu", "sigmoid", "tanh"],
        pool: Literal["avg", "max"],
        batch_norm: bool,
        dropout: Fraction,
    ):
        super().__init__()
        if min(height, width) < SMALLEST:
            raise UserError(
                f"LeNet needs {SMALLEST} x {SMALLEST} pixels; the images have {height} x {width}. Type data.resize=28."
            )

        def norm(layer: nn.Module) -> list[nn.Module]:
            return [layer] if batch_norm else []

        def active() -> nn.Module:
            return ACTIVATIONS[activation]()

        rows, columns = ((size - KERNEL + 1) // 2 for size in (height, width))
        rows, columns = ((size - KERNEL + 1) // 2 for size in (rows, columns))
        self.features = nn.Sequential(
            *(nn.Conv2d(in_channels, 6, KERNEL), *norm(nn.BatchNorm2d(6)), active(), POOLS[pool](2)),
            *(nn.Conv2d(6, 16, KERNEL), *norm(nn.BatchNorm2d(16)), active(), POOLS[pool](2)),
        )
        self.classifier = nn.Sequential(
            *(nn.Flatten(), nn.Linear(16 * rows * columns, 120), *norm(nn.BatchNorm1d(120)), active()),
            *(nn.Dropout(dropout), nn.Linear(120, 84), *norm(nn.BatchNorm1d(84)), active()),
            *(nn.Dropout(dropout), nn.Linear(84, outputs)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, height, width) -> (B, outputs)."""
        return self.classifier(self.features(x))
