"""Network in network: the book's number of weights, its depth, and a last layer that answers below 0."""

import torch
from models import layers_of, parameters, thin
from torch import nn


def test_parameters_are_the_books() -> None:
    assert parameters("nin", colours=1, outputs=10, batch_norm=False) == 1_992_166


def test_twelve_convolutions_two_of_three_of_them_of_one_pixel() -> None:
    kernels = [each.kernel_size[0] for each in layers_of(thin("nin", 96), nn.Conv2d)]
    assert kernels == [11, 1, 1, 5, 1, 1, 3, 1, 1, 3, 1, 1]


def test_it_answers_below_zero() -> None:
    """The book's ends in a relu."""
    torch.manual_seed(0)
    assert (thin("nin")(torch.randn(8, 1, 28, 28)) < 0).any()


def test_an_answer_is_the_mean_of_a_classs_channel() -> None:
    model, x = thin("nin").eval(), torch.randn(2, 1, 40, 40)
    channels = model.layers[:-1](x)
    assert channels.shape[:2] == (2, 3) and channels.shape[2] > 1
    torch.testing.assert_close(model(x), channels.mean((2, 3)))
