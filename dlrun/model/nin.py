"""Network in network: after each convolution two of 1 x 1, at the end a channel a class (Lin 2013, arXiv 1312.4400).

The sizes are those of the book, 5.8.
"""

from torch import Tensor, nn

from dlrun.limits import Fraction, PositiveInt
from dlrun.nn.stem import Stem, averaged, convolution, is_large


class NiN(nn.Module):
    """`stem` large: 11 x 11 at every fourth pixel, needs 67 pixels; small: 3 x 3 at every pixel, needs 15.

    The book ends in a relu: a class whose channel is never above 0 can't be learnt any more. Here the last one is left
    out, and so is its batch norm.
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
        batch_norm: bool,
        dropout: Fraction,
    ):
        super().__init__()
        large = is_large("NiN", stem, height, width, large=67, small=15)
        a, b, c = (max(1, size // width_divisor) for size in (96, 256, 384))
        kernel, stride, padding = (11, 4, 0) if large else (3, 1, 1)

        def pointwise(channels: int) -> tuple[nn.Module, nn.Module]:
            first, second = (convolution(channels, channels, 1, batch_norm=batch_norm) for _ in range(2))
            return first, second

        self.layers = nn.Sequential(
            convolution(in_channels, a, kernel, stride=stride, padding=padding, batch_norm=batch_norm),
            *(*pointwise(a), nn.MaxPool2d(3, 2)),
            *(convolution(a, b, 5, batch_norm=batch_norm), *pointwise(b), nn.MaxPool2d(3, 2)),
            *(convolution(b, c, 3, batch_norm=batch_norm), *pointwise(c), nn.MaxPool2d(3, 2)),
            *(nn.Dropout(dropout), convolution(c, outputs, 3, batch_norm=batch_norm)),
            *(convolution(outputs, outputs, 1, batch_norm=batch_norm), nn.Conv2d(outputs, outputs, 1)),
            averaged(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, height, width) -> (B, outputs)."""
        return self.layers(x)
