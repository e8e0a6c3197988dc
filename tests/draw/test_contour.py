"""Contour pictures at their edges: paths that leave the frame, functions without a value, frames of any size."""

import numpy as np
import pytest
import torch
from PIL import Image

from dlrun.draw.contour import ABOVE, FINE, HEIGHT, LEFT, LOW, PATH, UNKNOWN, WIDTH, contour, ticks

FRAME = (-1.0, 1.0, -1.0, 1.0)
PLOT = (LEFT // FINE, ABOVE // FINE, (LEFT + WIDTH) // FINE, (ABOVE + HEIGHT) // FINE)


def drawn(path: list[list[float]], objective: str = "bowl") -> Image.Image:
    functions = {
        "bowl": lambda x: x.square().sum(-1),
        "flat": lambda x: torch.ones(()),
        "none": lambda x: x[..., 0] * float("nan"),
    }
    return contour(functions[objective], torch.tensor(path).view(-1, 2), FRAME, title="", subtitle="")


def orange(picture: Image.Image) -> int:
    """Pixels of the colour of a path."""
    return int((np.abs(np.asarray(picture).astype(int) - PATH).max(-1) < 30).sum())


def test_what_leaves_the_frame_is_cut_off_there() -> None:
    picture = drawn([[0.0, 0.0], [1e30, 0.0], [0.5, -1e30]])
    assert orange(picture.crop(PLOT)) > 200  # from the middle to the right edge, at least
    bare = drawn([])
    for box in ((0, 0, PLOT[0] - 1, picture.height), (PLOT[2] + 1, 0, picture.width, picture.height)):
        assert picture.crop(box).tobytes() == bare.crop(box).tobytes()


def test_places_that_are_no_numbers_are_passed_over() -> None:
    nan = float("nan")
    assert drawn([[nan, 0.0], [0.2, 0.2], [float("inf"), nan]]).tobytes() == drawn([[0.2, 0.2]]).tobytes()


def test_a_function_without_a_value_is_grey_and_a_flat_one_has_no_lines() -> None:
    inner = (PLOT[0] + 3, PLOT[1] + 3, PLOT[2] - 3, PLOT[3] - 3)
    for objective, wanted in (("none", UNKNOWN), ("flat", LOW)):
        pixels = np.asarray(drawn([], objective).crop(inner)).astype(int)
        assert np.abs(pixels - wanted).max() <= 2, objective


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.0, 1e-12, [0, 2e-13, 4e-13, 6e-13, 8e-13, 1e-12]),
        (1e29, 2e29, [1e29, 1.2e29, 1.4e29, 1.6e29, 1.8e29, 2e29]),
        (-0.3, 0.3, [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]),
    ],
)
def test_ticks_of_frames_of_any_size(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected
