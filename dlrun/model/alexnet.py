"""AlexNet: five convolutions and three linear layers (Krizhevsky 2012; book 5.6, whose sizes these are).

The paper's local response normalisation is left out, as the book does: batch norm has taken its place.
"""

from torch import Tensor, nn

from dlrun.limits import Fraction, PositiveInt
from dlrun.nn.stem import Stem, convolution, is_large


class AlexNet(nn.Module):
    """`stem` large: 11 x 11 at every fourth pixel, needs 65 pixels; small: 3 x 3 at every pixel, needs 15."""

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
        large = is_large("AlexNet", stem, height, width, large=65, small=15)
        a, b, c, hidden = (max(1, size // width_divisor) for size in (96, 256, 384, 4096))
        kernel, stride = (11, 4) if large else (3, 1)
        self.features = nn.Sequential(
            convolution(in_channels, a, kernel, stride=stride, padding=1, batch_norm=batch_norm),
            nn.MaxPool2d(3, 2),
            convolution(a, b, 5, batch_norm=batch_norm),
            nn.MaxPool2d(3, 2),
            convolution(b, c, 3, batch_norm=batch_norm),
            convolution(c, c, 3, batch_norm=batch_norm),
            convolution(c, b, 3, batch_norm=batch_norm),
            nn.MaxPool2d(3, 2),
        )
        rows, columns = ((size + 2 - kernel) // stride + 1 for size in (height, width))
        for _ in range(3):  # each pooling takes 3 at every second place
            rows, columns = (rows - 1) // 2, (columns - 1) // 2
        self.classifier = nn.Sequential(
            *(nn.Flatten(), nn.Linear(b * rows * columns, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)),
            *(nn.Linear(hidden, hidden), nn.ReLU(inplace=True), nn.Dropout(dropout)),
            nn.Linear(hidden, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, height, width) -> (B, outputs)."""
        return self.classifier(self.features(x))
