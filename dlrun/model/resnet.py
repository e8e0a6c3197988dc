"""ResNet: blocks that add to what they are given (He 2015, arXiv 1512.03385; book 5.11)."""

from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import relu

from dlrun.errors import UserError
from dlrun.limits import NonNegativeInt, PositiveInt
from dlrun.nn.stem import Stem, averaged, convolution, first_layer, is_large


class ResNet(nn.Module):
    """A stage has `blocks[i]` blocks of `channels[i]`; each stage but the first halves the side.
    A stage of no blocks is left out.

    `stem` large: 7 x 7 at every second pixel, pooled; small: 3 x 3 at every pixel.
    `downsample` stride: a stage's first convolutions take every second pixel, as published; pool: the largest of each
    2 x 2 goes in, which a CPU computes faster, and which learns a little better where channels are few.
    """

    def __init__(
        self,
        in_channels: int,
        height: int,
        width: int,
        outputs: int,
        *,
        channels: list[PositiveInt],
        blocks: list[NonNegativeInt],
        stem: Stem,
        downsample: Literal["stride", "pool"],
    ):
        super().__init__()
        if not blocks or len(channels) != len(blocks):
            raise UserError(f"model.channels={channels}, model.blocks={blocks}: both need as many stages, at least 1.")
        smallest = 2 ** (len(blocks) - 1)
        large = is_large("ResNet", stem, height, width, large=4 * smallest, small=smallest)
        layers: list[nn.Module] = [first_layer(in_channels, channels[0], large=large, batch_norm=True)]
        inputs = channels[0]
        for number, (count, wide) in enumerate(zip(blocks, channels, strict=True)):
            for place in range(count):
                shrinks = number > 0 and place == 0
                if shrinks and downsample == "pool":
                    layers.append(nn.MaxPool2d(2))
                layers.append(Residual(inputs, wide, stride=2 if shrinks and downsample == "stride" else 1))
                inputs = wide
        self.layers = nn.Sequential(*layers, averaged(), nn.Linear(inputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, height, width) -> (B, outputs)."""
        return self.layers(x)


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut, which is a 1 x 1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.change = nn.Sequential(
            convolution(inputs, outputs, 3, stride=stride, batch_norm=True),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, height, width) -> (B, outputs, height / stride, width / stride)."""
        return relu(self.change(x) + self.shortcut(x))
