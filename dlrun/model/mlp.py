"""A multilayer perceptron (book 3.8 to 3.10; dropout: 3.13)."""

from typing import Literal

from torch import Tensor, nn

from dlrun.limits import Fraction, PositiveInt

ACTIVATIONS = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}


class MLP(nn.Module):
    """`hidden` lists the width of each hidden layer; each is linear, batch norm if wanted, activation, dropout."""

    def __init__(
        self,
        in_features: int,
        outputs: int,
        *,
        hidden: list[PositiveInt],
        activation: Literal["relu", "sigmoid", "tanh"],
        batch_norm: bool,
        dropout: Fraction,
    ):
        super().__init__()
        layers: list[nn.Module] = []
        for width in hidden:
            layers.append(nn.Linear(in_features, width))
            if batch_norm:
                layers.append(nn.BatchNorm1d(width))
            layers += [ACTIVATIONS[activation](), nn.Dropout(dropout)]
            in_features = width
        self.layers = nn.Sequential(*layers, nn.Linear(in_features, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...) -> (B, outputs); images are flattened."""
        return self.layers(x.flatten(1))
