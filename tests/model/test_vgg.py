"""VGG: published numbers of weights, the depth in its name, and what each first layer leaves of a picture."""

import pytest
import torch
from models import image_model, layers_of, parameters, thin
from torch import nn

from dlrun.errors import UserError

PUBLISHED = {11: 132_863_336, 16: 138_357_544, 19: 143_667_240}  # with ImageNet's classes, without batch norm


@pytest.mark.parametrize("depth", PUBLISHED)
def test_parameters_are_the_published_ones(depth: int) -> None:
    assert parameters("vgg", batch_norm=False, width_divisor=1, depth=depth) == PUBLISHED[depth]


def test_convolutions_have_no_biases_that_batch_norm_makes_idle() -> None:
    """There are 2,752 of them in the published one."""
    assert parameters("vgg", width_divisor=1) == 132_868_840 - 2_752


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_depth_counts_convolutions_and_linear_layers(depth: int) -> None:
    model = thin("vgg", 96, depth=depth)
    assert len(layers_of(model, nn.Conv2d)) + len(layers_of(model, nn.Linear)) == depth


def test_no_other_depth() -> None:
    with pytest.raises(UserError, match="model.depth=12: Possible: 11, 13, 16, 19"):
        image_model("vgg", depth=12)


@pytest.mark.parametrize(("stem", "left"), [("large", 2), ("small", 4)])
def test_a_small_first_block_keeps_the_side(stem: str, left: int) -> None:
    assert thin("vgg", 64, stem=stem).eval().features(torch.rand(1, 1, 64, 64)).shape == (1, 32, left, left)
