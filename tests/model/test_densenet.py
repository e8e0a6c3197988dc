"""DenseNet: the published number of weights, its depth, and layers that keep what came."""

import pytest
import torch
from models import image_model, layers_of, parameters, thin
from torch import nn

from dlrun.errors import UserError


def test_the_one_of_121_layers_is_the_published_one() -> None:
    chosen = {"blocks": [6, 12, 24, 16], "bottleneck": True}
    assert parameters("densenet", **chosen) == 7_978_856
    with torch.device("meta"):
        assert len(layers_of(image_model("densenet", **chosen), nn.Conv2d)) == 120  # and the linear one is the 121st


def test_a_dense_layer_keeps_what_came() -> None:
    model = thin("densenet").eval()
    x = torch.randn(2, 8, 9, 9)
    out = model.layers[1](x)
    assert out.shape == (2, 12, 9, 9) and out[:, :8].equal(x)


def test_channels_grow_in_a_block_and_are_halved_between() -> None:
    """8 + 2 x 4 = 16, halved 8; 8 + 3 x 4 = 20 at the end."""
    model = thin("densenet", blocks=[2, 3])
    assert layers_of(model, nn.Linear)[0].in_features == 20
    assert [each.kernel_size for each in layers_of(model, nn.AvgPool2d)] == [2]


def test_no_block_at_all() -> None:
    with pytest.raises(UserError, match="model.blocks needs one block at least"):
        image_model("densenet", blocks=[])
