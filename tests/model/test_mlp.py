"""The multilayer perceptron: how many layers of which width, in which order."""

from typing import Any

import pytest
import torch
from torch import nn

from dlrun.model.mlp import MLP


def mlp(hidden: list[int], **changed: Any) -> MLP:
    chosen: dict[str, Any] = {"activation": "relu", "batch_norm": False, "dropout": 0.0} | changed
    return MLP(6, 3, hidden=hidden, **chosen)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_parameters(batch_norm: bool) -> None:
    """6 x 5 + 5, 5 x 4 + 4, 4 x 3 + 3; batch norm has two a unit."""
    count = sum(each.numel() for each in mlp([5, 4], batch_norm=batch_norm).parameters())
    assert count == 35 + 24 + 15 + batch_norm * 2 * 9


def test_without_hidden_layers_it_is_one_linear_layer() -> None:
    model, x = mlp([]), torch.randn(4, 2, 3)
    (layer,) = model.layers
    torch.testing.assert_close(model(x), layer(x.flatten(1)))
    assert isinstance(layer, nn.Linear)


@pytest.mark.parametrize(("name", "function"), [("relu", torch.relu), ("tanh", torch.tanh), ("sigmoid", torch.sigmoid)])
def test_a_hidden_layer_by_hand(name: str, function: Any) -> None:
    model, x = mlp([5], activation=name), torch.randn(4, 6)
    first, last = (each for each in model.layers if isinstance(each, nn.Linear))
    torch.testing.assert_close(model(x), last(function(x @ first.weight.T + first.bias)))


def test_dropout_stands_behind_each_activation() -> None:
    model = mlp([5, 4], dropout=0.5, batch_norm=True)
    one = [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Dropout]
    assert [type(each) for each in model.layers] == [*one, *one, nn.Linear]
    x = torch.randn(8, 6)
    assert not model(x).equal(model(x)) and model.eval()(x).equal(model(x))
