"""Linear regression, softmax regression and a multilayer perceptron of tensors (book 3.2, 3.6, 3.9, 3.13).

Beside the concise forms in linear.py and mlp.py: `@`, `+`, `exp`, and autograd for the gradients. Weights are (in,
out), as the course has them; nn.Linear keeps the transpose.
"""

import math

import torch
from torch import Tensor, nn

from dlrun.limits import Fraction, NonNegativeFloat, PositiveInt


class ScratchLinear(nn.Module):
    """y = x w + b"""

    def __init__(self, in_features: int, outputs: int, *, std: NonNegativeFloat):
        super().__init__()
        self.w, self.b = drawn(in_features, outputs, std)

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...) -> (B, outputs); images are flattened."""
        return x.flatten(1) @ self.w + self.b


class ScratchSoftmax(nn.Module):
    """Softmax regression on images. It answers with log probabilities; a second softmax leaves them as they are, so
    cross entropy and probabilities are those of logits.
    """

    def __init__(self, in_channels: int, height: int, width: int, outputs: int, *, std: NonNegativeFloat):
        super().__init__()
        self.w, self.b = drawn(in_channels * height * width, outputs, std)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, height, width) -> (B, outputs) log probabilities."""
        return log_softmax(x.flatten(1) @ self.w + self.b)


class ScratchMLP(nn.Module):
    """h = max(x w + b, 0) for each of `hidden`, then a linear layer."""

    def __init__(
        self,
        in_features: int,
        outputs: int,
        *,
        hidden: list[PositiveInt],
        dropout: Fraction,
        std: NonNegativeFloat | None,
    ):
        super().__init__()
        widths = [in_features, *hidden, outputs]
        self.dropout = dropout
        self.w, self.b = nn.ParameterList(), nn.ParameterList()
        for rows, columns in zip(widths, widths[1:], strict=False):
            w, b = drawn(rows, columns, math.sqrt(2 / rows) if std is None else std)
            self.w.append(w)
            self.b.append(b)

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...) -> (B, outputs); images are flattened."""
        x = x.flatten(1)
        *hidden, last = zip(self.w, self.b, strict=True)
        for w, b in hidden:
            x = relu(x @ w + b)
            x = dropped(x, self.dropout) if self.training else x
        w, b = last
        return x @ w + b


def drawn(rows: int, columns: int, std: float) -> tuple[nn.Parameter, nn.Parameter]:
    """(rows, columns) weights of mean 0, and (columns,) biases that are 0."""
    return nn.Parameter(torch.randn(rows, columns) * std), nn.Parameter(torch.zeros(columns))


def relu(x: Tensor) -> Tensor:
    return torch.maximum(x, torch.zeros_like(x))


def dropped(x: Tensor, rate: float) -> Tensor:
    """Each number is 0 with probability `rate`, else larger by 1 / (1 - rate): the mean stays."""
    kept = (torch.rand_like(x) >= rate).to(x.dtype)
    return kept * x / (1 - rate)


def log_softmax(o: Tensor) -> Tensor:
    """o - log(sum exp o) of each row; the largest is taken out first, or exp(89) would be infinite."""
    o = o - o.max(dim=1, keepdim=True).values
    return o - o.exp().sum(dim=1, keepdim=True).log()
