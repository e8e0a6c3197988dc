"""GoogLeNet: nine inception blocks, each of four paths side by side (Szegedy 2014, arXiv 1409.4842; book 5.9).

The paper's local response normalisation is left out, as the book does: batch norm has taken its place.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dlrun.limits import Fraction, PositiveInt
from dlrun.model.base import Output
from dlrun.nn.stem import Stem, averaged, convolution, first_layer, is_large

# channels of the paths: 1 x 1 | 1 x 1 then 3 x 3 | 1 x 1 then 5 x 5 | pooled then 1 x 1 (the paper's table 1)
STAGES = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        (192, 96, 208, 16, 48, 64),
        (160, 112, 224, 24, 64, 64),
        (128, 128, 256, 24, 64, 64),
        (112, 144, 288, 32, 64, 64),
        (256, 160, 320, 32, 128, 128),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)
HEADS = (0, 3)  # the blocks of the middle stage, 4a and 4d, after which an auxiliary head looks in
HEAD_DROPOUT = 0.7


class GoogLeNet(nn.Module):
    """With `auxiliary` it answers `(logits, logits of 4a, logits of 4d)` while training, and logits alone otherwise.

    `stem` large: 7 x 7 at every second pixel, pooled, needs 32 pixels; small: 3 x 3 at every pixel, needs 8.
    """

    def __init__(
        self,
        in_channels: int,
        height: int,
        width: int,
        outputs: int,
        *,
        stem: Stem,
        width_divisor: PositiveInt,
        auxiliary: bool,
        batch_norm: bool,
        dropout: Fraction,
    ):
        super().__init__()
        large = is_large("GoogLeNet", stem, height, width, large=32, small=8)

        def thin(channels: int) -> int:
            return max(1, channels // width_divisor)

        a, b = thin(64), thin(192)
        self.stem = nn.Sequential(
            first_layer(in_channels, a, large=large, batch_norm=batch_norm),
            convolution(a, a, 1, batch_norm=batch_norm),
            convolution(a, b, 3, batch_norm=batch_norm),
        )
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        self.stages, self.heads = nn.ModuleList(), nn.ModuleDict()
        shrinks = 16 if large else 4  # where the heads look in
        pixels = (-(-height // shrinks), -(-width // shrinks))
        for number, stage in enumerate(STAGES):
            blocks = nn.ModuleList()
            for place, paths in enumerate(stage):
                block = Inception(b, *map(thin, paths), batch_norm=batch_norm)
                b = block.channels
                blocks.append(block)
                if auxiliary and number == 1 and place in HEADS:
                    self.heads[str(place)] = head(b, pixels, outputs, thin, batch_norm)
            self.stages.append(blocks)
        self.output = nn.Sequential(averaged(), nn.Dropout(dropout), nn.Linear(b, outputs))

    def forward(self, x: Tensor) -> Tensor | Output:
        """(B, C, height, width) -> (B, outputs), while training with heads two more such."""
        x, found = self.stem(x), []
        for number, stage in enumerate(self.stages):
            x = self.pool(x)
            for place, block in enumerate(stage.children()):
                x = block(x)
                if self.training and number == 1 and str(place) in self.heads:
                    found.append(self.heads[str(place)](x))
        logits = self.output(x)
        return Output(logits, auxiliary=tuple(found)) if found else logits


class Inception(nn.Module):
    def __init__(
        self,
        inputs: int,
        one: int,
        three_in: int,
        three: int,
        five_in: int,
        five: int,
        pooled: int,
        *,
        batch_norm: bool,
    ):
        super().__init__()
        self.channels = one + three + five + pooled

        def layer(before: int, after: int, kernel: int) -> nn.Module:
            return convolution(before, after, kernel, batch_norm=batch_norm)

        self.paths = nn.ModuleList(
            (
                layer(inputs, one, 1),
                nn.Sequential(layer(inputs, three_in, 1), layer(three_in, three, 3)),
                nn.Sequential(layer(inputs, five_in, 1), layer(five_in, five, 5)),
                nn.Sequential(nn.MaxPool2d(3, 1, padding=1), layer(inputs, pooled, 1)),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, height, width) -> (B, channels, height, width)."""
        return torch.cat([path(x) for path in self.paths], dim=1)


def head(
    inputs: int, pixels: tuple[int, int], outputs: int, thin: Callable[[int], int], batch_norm: bool
) -> nn.Sequential:
    """An auxiliary classifier: means over 5 x 5 at every third place, 1 x 1, two linear layers."""
    kernel = min(5, *pixels)
    rows, columns = ((size - kernel) // 3 + 1 for size in pixels)
    channels, hidden = thin(128), thin(1024)
    return nn.Sequential(
        *(nn.AvgPool2d(kernel, 3), convolution(inputs, channels, 1, batch_norm=batch_norm), nn.Flatten()),
        *(nn.Linear(channels * rows * columns, hidden), nn.ReLU(inplace=True), nn.Dropout(HEAD_DROPOUT)),
        nn.Linear(hidden, outputs),
    )
