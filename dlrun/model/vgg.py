"""VGG: blocks of 3 x 3 convolutions, each block halving the side (Simonyan 2014, arXiv 1409.1556; book 5.7)."""

from typing import Literal

from torch import Tensor, nn

from dlrun.limits import Fraction, PositiveInt
from dlrun.nn.stem import Stem, convolution, is_large

CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}  # of each block
CHANNELS = (64, 128, 256, 512, 512)
HIDDEN = 4096


class VGG(nn.Module):
    """`stem` large: all five blocks halve the side, needs 32 pixels; small: the first one does not, needs 16."""

    def __init__(
        self,
        in_channels: int,
        height: int,
        width: int,
        outputs: int,
        *,
        depth: Literal[11, 13, 16, 19],
        stem: Stem,
        width_divisor: PositiveInt,
        batch_norm: bool,
        dropout: Fraction,
    ):
        super().__init__()
        large = is_large("VGG", stem, height, width, large=32, small=16)
        layers: list[nn.Module] = []
        inputs = in_channels
        for number, (count, full) in enumerate(zip(CONVOLUTIONS[depth], CHANNELS, strict=True)):
            channels = max(1, full // width_divisor)
            for _ in range(count):
                layers.append(convolution(inputs, channels, 3, batch_norm=batch_norm))
                inputs = channels
            if large or number > 0:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        shrinks, hidden = (32 if large else 16), max(1, HIDDEN // width_divisor)
        self.classifier = nn.Sequential(
            *(nn.Flatten(), nn.Linear(inputs * (height // shrinks) * (width // shrinks), hidden)),
            *(nn.ReLU(inplace=True), nn.Dropout(dropout)),
            *(nn.Linear(hidden, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)),
            nn.Linear(hidden, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, height, width) -> (B, outputs)."""
        return self.classifier(self.features(x))
