"""A small network for the rows of a table. Put your own model here."""

from torch import Tensor, nn

from dlrun.limits import PositiveInt


class Net(nn.Module):
    """Before the `*` stands what is measured of the data, after it what conf/model/my_package.yaml says."""

    def __init__(self, in_features: int, outputs: int, *, hidden: PositiveInt, layers: PositiveInt):
        super().__init__()
        widths = [in_features, *[hidden] * layers]
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in zip(widths, widths[1:], strict=False))
        self.out = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_features) -> (B, outputs) logits."""
        for layer in self.layers:
            x = layer(x).relu()
        return self.out(x)
