"""What the image models share: a first layer that suits the pictures' size, and convolution with batch norm and relu.

The published networks were made for 224 pixels: their first layers leave a quarter of a side, too little of 28 pixels.
"""

from typing import Literal

from torch import nn

from dlrun.errors import UserError

Stem = Literal["auto", "large", "small"]
LARGE_FROM = 96  # pixels from which `auto` takes the published first layer


def is_large(model: str, stem: Stem, height: int, width: int, *, large: int, small: int) -> bool:
    """Whether the first layer is the published one. UserError below `large` or `small` pixels, what each needs."""
    side = min(height, width)
    chosen = side >= LARGE_FROM if stem == "auto" else stem == "large"
    smallest = large if chosen else small
    if side < smallest:
        hint = " or model.stem=small" if chosen and side >= small else ""
        raise UserError(
            f"{model} needs {smallest} x {smallest} pixels with a {'large' if chosen else 'small'} first layer; "
            f"the images have {height} x {width}. Type data.resize={LARGE_FROM if chosen else max(28, small)}{hint}."
        )
    return chosen


def convolution(
    inputs: int, outputs: int, kernel: int, *, batch_norm: bool, stride: int = 1, padding: int | None = None
) -> nn.Sequential:
    """Convolution, batch norm if wanted, relu. It keeps the side unless told; batch norm has a bias of its own."""
    space = kernel // 2 if padding is None else padding
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, kernel, stride, space, bias=not batch_norm)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(outputs))
    return nn.Sequential(*layers, nn.ReLU(inplace=True))


def first_layer(inputs: int, outputs: int, *, large: bool, batch_norm: bool) -> nn.Sequential:
    """GoogLeNet's, ResNet's, DenseNet's: 7 x 7 at every second pixel, pooled; the small one: 3 x 3 at every pixel."""
    if not large:
        return convolution(inputs, outputs, 3, batch_norm=batch_norm)
    return convolution(inputs, outputs, 7, stride=2, batch_norm=batch_norm).append(nn.MaxPool2d(3, 2, padding=1))


def averaged() -> nn.Sequential:
    """(B, C, height, width) -> (B, C): the mean of each channel."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
