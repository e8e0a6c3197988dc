"""LeNet: the book's number of weights, its historic form, pictures of other sizes."""

from typing import Any

import pytest
import torch
from torch import nn

from dlrun.errors import UserError
from dlrun.model.lenet import LeNet


def lenet(colours: int = 1, height: int = 28, width: int = 28, outputs: int = 3, **changed: Any) -> LeNet:
    chosen: dict[str, Any] = {"activation": "relu", "pool": "max", "batch_norm": True, "dropout": 0.0}
    return LeNet(colours, height, width, outputs, **(chosen | changed))


def test_parameters_are_the_books() -> None:
    """5.5 without padding: 6 of 5 x 5, 16 of 6 x 5 x 5, then 256 to 120 to 84 to 10; each with its bias."""
    count = sum(each.numel() for each in lenet(outputs=10, batch_norm=False).parameters())
    assert count == 156 + 2_416 + 30_840 + 10_164 + 850 == 44_426


def test_the_historic_one_has_sigmoids_and_means() -> None:
    model = lenet(activation="sigmoid", pool="avg", batch_norm=False)
    kinds = [type(each) for each in model.modules()]
    assert kinds.count(nn.Sigmoid) == 4 and kinds.count(nn.AvgPool2d) == 2
    assert not {nn.ReLU, nn.MaxPool2d, nn.BatchNorm1d, nn.BatchNorm2d} & {*kinds}


@pytest.mark.parametrize("size", [(3, 32, 40), (1, 16, 16), (2, 17, 99)])
def test_pictures_of_other_sizes(size: tuple[int, int, int]) -> None:
    assert lenet(*size).eval()(torch.rand(2, *size)).shape == (2, 3)


@pytest.mark.parametrize("size", [(28, 12), (15, 16)])
def test_too_small_pictures(size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match=rf"LeNet needs 16 x 16 pixels; the images have {size[0]} x {size[1]}\."):
        lenet(1, *size)
