"""One linear layer: linear regression (book 3.1) and, with several outputs, softmax regression (book 3.4)."""

from torch import Tensor, nn


class Linear(nn.Module):
    def __init__(self, in_features: int, outputs: int):
        super().__init__()
        self.layer = nn.Linear(in_features, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...) -> (B, outputs); images are flattened."""
        return self.layer(x.flatten(1))
