"""A picture of attention: weights are shades, and any token has a place."""

import pytest
import torch

from dlrun.draw.alignment import CELL, MARGIN, drawn


def test_a_weight_is_a_shade() -> None:
    picture = drawn(torch.tensor([[0.0, 0.25, 1.0]]), ["a", "b", "c"], ["word"])
    y = picture.height - MARGIN - CELL // 2
    shades = [picture.getpixel((picture.width - MARGIN - CELL * (3 - at) + CELL // 2, y)) for at in range(3)]
    assert shades == [255, round(255 * 0.75), 0]


def test_long_words_take_the_room_that_they_need() -> None:
    """A row's to the left, a column's upwards."""
    short = drawn(torch.ones(1, 1), ["a"], ["a"])
    left, up = drawn(torch.ones(1, 1), ["a"], ["a" * 30]), drawn(torch.ones(1, 1), ["a" * 30], ["a"])
    assert left.height == short.height and up.width == short.width
    assert left.width - short.width == up.height - short.height > 150


@pytest.mark.parametrize("token", ["\n", "a\nb", "", "\x00", "\udce9", "分开", "<unk>"])
def test_any_token_is_drawn(token: str) -> None:
    """Byte pairs may be line ends, and parts of characters."""
    picture = drawn(torch.ones(2, 2), [token, "a"], ["b", token])
    assert picture.height >= 2 * CELL and picture.getextrema() == (0, 255)
