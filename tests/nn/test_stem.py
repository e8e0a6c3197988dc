"""First layers of the models of pictures: which of them is taken, and what is left of a side."""

import pytest
import torch
from torch import nn

from dlrun.errors import UserError
from dlrun.nn.stem import averaged, convolution, first_layer, is_large


@pytest.mark.parametrize(("stem", "side", "large"), [("auto", 95, False), ("auto", 96, True), ("large", 32, True)])
def test_auto_goes_by_the_shorter_side(stem: str, side: int, large: bool) -> None:
    assert is_large("X", stem, side, 500, large=32, small=8) is large  # type: ignore[arg-type]
    assert is_large("X", stem, 500, side, large=32, small=8) is large  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stem", "side", "said"),
    [
        ("large", 31, "X needs 32 x 32 pixels with a large first layer; .* data.resize=96 or model.stem=small."),
        ("large", 7, r"the images have 7 x 40. Type data.resize=96\.$"),  # the small one would not do either
        ("small", 7, r"X needs 8 x 8 pixels with a small first layer; .* Type data.resize=28\.$"),
        ("auto", 7, "small first layer"),
    ],
)
def test_too_small_a_side_is_one_message(stem: str, side: int, said: str) -> None:
    with pytest.raises(UserError, match=said):
        is_large("X", stem, side, 40, large=32, small=8)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kernel", "stride", "padding", "left"), [(3, 1, None, 9), (5, 1, None, 9), (11, 4, 1, 1)])
def test_a_convolution_keeps_the_side_unless_told(kernel: int, stride: int, padding: int | None, left: int) -> None:
    layer = convolution(2, 3, kernel, batch_norm=False, stride=stride, padding=padding)
    x = torch.randn(1, 2, 9, 9)
    assert layer(x).shape == (1, 3, left, left) and (layer(x) >= 0).all()


def test_batch_norm_has_the_bias() -> None:
    kinds = [[type(each) for each in convolution(2, 3, 3, batch_norm=norm)] for norm in (False, True)]
    assert kinds == [[nn.Conv2d, nn.ReLU], [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]]
    assert convolution(2, 3, 3, batch_norm=False)[0].bias is not None
    assert convolution(2, 3, 3, batch_norm=True)[0].bias is None


@pytest.mark.parametrize(("large", "left"), [(True, 7), (False, 28)])
def test_the_large_first_layer_leaves_a_quarter_of_a_side(large: bool, left: int) -> None:
    assert first_layer(1, 2, large=large, batch_norm=True)(torch.rand(1, 1, 28, 28)).shape == (1, 2, left, left)


def test_averaged_is_the_mean_of_each_channel() -> None:
    x = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(averaged()(x), x.mean((2, 3)))
