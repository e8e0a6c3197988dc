"""AlexNet: the book's number of weights, its depth, and what is left of a picture before the linear layers."""

import pytest
import torch
from models import image_model, layers_of, parameters
from torch import nn


def test_parameters_are_the_books() -> None:
    assert parameters("alexnet", colours=1, outputs=10, batch_norm=False) == 46_764_746


def test_five_convolutions_and_three_linear_layers() -> None:
    model = image_model("alexnet", 96, width_divisor=8)
    assert (len(layers_of(model, nn.Conv2d)), len(layers_of(model, nn.Linear))) == (5, 3)


@pytest.mark.parametrize(("side", "stem", "left"), [(224, "large", 5), (96, "large", 1), (28, "small", 2)])
def test_what_is_left_of_a_side(side: int, stem: str, left: int) -> None:
    """At 224 pixels 5, as in the book; the first linear layer takes that many of 256 / 32 channels."""
    model = image_model("alexnet", side, stem=stem, width_divisor=32).eval()
    assert model.features(torch.rand(1, 1, side, side)).shape == (1, 8, left, left)
    assert layers_of(model, nn.Linear)[0].in_features == 8 * left**2
