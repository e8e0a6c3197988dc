"""DenseNet: each layer sees what all layers of its block before it made (Huang 2016, arXiv 1608.06993; book 5.12)."""

import torch
from torch import Tensor, nn

from dlrun.errors import UserError
from dlrun.limits import Layers, PositiveInt
from dlrun.nn.stem import Stem, averaged, first_layer, is_large


class DenseNet(nn.Module):
    """Block i has `blocks[i]` layers, each adding `growth` channels; between blocks channels and side are halved.

    `bottleneck` puts a 1 x 1 convolution to 4 x growth channels before each layer's 3 x 3 (DenseNet-B). `stem` large:
    7 x 7 at every second pixel, pooled; small: 3 x 3 at every pixel.
    """

    def __init__(
        self,
        in_channels: int,
        height: int,
        width: int,
        outputs: int,
        *,
        channels: PositiveInt,
        growth: PositiveInt,
        blocks: list[Layers],
        bottleneck: bool,
        stem: Stem,
    ):
        super().__init__()
        if not blocks:
            raise UserError("model.blocks needs one block at least. Type model.blocks=[4,4,4,4].")
        smallest = 2 ** (len(blocks) - 1)
        large = is_large("DenseNet", stem, height, width, large=4 * smallest, small=smallest)
        layers: list[nn.Module] = [first_layer(in_channels, channels, large=large, batch_norm=True)]
        for number, count in enumerate(blocks):
            if number > 0:
                layers += [*before(channels, channels // 2, 1), nn.AvgPool2d(2)]
                channels //= 2
            for _ in range(count):
                layers.append(Dense(channels, growth, bottleneck))
                channels += growth
        layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True), averaged(), nn.Linear(channels, outputs)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, height, width) -> (B, outputs)."""
        return self.layers(x)


class Dense(nn.Module):
    """Memory: what comes in is kept once for each layer, so a block's need grows with the square of its layers."""

    def __init__(self, inputs: int, growth: int, bottleneck: bool):
        super().__init__()
        inner = 4 * growth if bottleneck else inputs
        narrow = before(inputs, inner, 1) if bottleneck else []
        self.layers = nn.Sequential(*narrow, *before(inner, growth, 3))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, height, width) -> (B, C + growth, height, width)."""
        return torch.cat([x, self.layers(x)], dim=1)


def before(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    """Batch norm and relu before the convolution: each layer scales for itself what all of them share."""
    convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return [nn.BatchNorm2d(inputs), nn.ReLU(inplace=True), convolution]
