"""Ranges of options: what they hold, and how a message names them."""

from typing import get_args

import pytest

from dlrun import limits
from dlrun.limits import Range


@pytest.mark.parametrize(
    ("span", "holds", "not_holds", "said"),
    [
        (Range(1), [1, 1e9], [0, -1], "at least 1"),
        (Range(0, open_low=True), [1e-300], [0, -0.0], "more than 0"),
        (Range(0, 1, open_high=True), [0, 0.999], [1, -1e-9], "from 0 to below 1"),
        (Range(1, 1000), [1, 1000], [0, 1001], "from 1 to 1,000"),
        (Range(0.5), [0.5], [0.49], "at least 0.5"),
    ],
)
def test_a_range(span: Range, holds: list[float], not_holds: list[float], said: str) -> None:
    assert all(map(span.holds, holds)) and not any(map(span.holds, not_holds))
    assert str(span) == said


def test_nan_is_in_no_range() -> None:
    assert not any(span.holds(float("nan")) for span in (Range(0), Range(0, 1), Range(high=1)))


def test_a_seed_is_what_torch_draws_from() -> None:
    import torch

    (span,) = (each for each in get_args(limits.Seed) if isinstance(each, Range))
    for end, beyond in ((span.low, -1), (span.high, 1)):
        torch.Generator().manual_seed(int(end or 0))
        assert not span.holds(int(end or 0) + beyond)
