"""Slices of a curve, as it is read."""

from collections.abc import Iterator

import pytest

from dlrun.run import curve
from dlrun.run.curve import Point


def points(*steps: int) -> Iterator[Point]:
    """Handed on one by one, as from a file."""
    yield from (Point(step, 0, 0.0, 0.0) for step in steps)


def steps(found: list[Point]) -> list[int]:
    return [point.step for point in found]


@pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 11])
def test_every_few_with_the_last(count: int) -> None:
    found = steps(curve.every(3)(points(*range(count))))
    assert found == sorted({*range(0, count, 3), *range(count - 1, count)} - {-1})


def test_around_a_step() -> None:
    tens = range(0, 1000, 10)
    assert steps(curve.around(500)(points(*tens))) == list(range(400, 601, 10))
    assert steps(curve.around(505)(points(*tens))) == list(range(410, 601, 10))  # as many on each side
    assert steps(curve.around(-5)(points(*tens))) == list(range(0, 100, 10))
    assert steps(curve.around(5)(points(5))) == [5] and steps(curve.around(5)(points())) == []
    rest = points(*tens)
    curve.around(0)(rest)
    assert list(rest) == []  # it is read to its end, for what the curve says of the whole


def test_spread_over_the_whole() -> None:
    assert steps(curve.spread(5)(points(*range(5)))) == [0, 1, 2, 3, 4]
    assert steps(curve.spread(3)(points(*range(101)))) == [0, 50, 100]
    many = steps(curve.spread(4)(points(*range(3 * curve.KEPT + 1))))
    assert many[0] == 0 and many[-1] == 3 * curve.KEPT
    assert max(abs(step - wanted * curve.KEPT) for wanted, step in enumerate(many)) < 10
    assert curve.spread(3)(points()) == []


def test_the_last_ones() -> None:
    assert steps(curve.last(2)(points(1, 2, 3))) == [2, 3] and steps(curve.last(9)(points(1))) == [1]


def test_what_is_a_number() -> None:
    """`true` is none, and neither is a word; NaN is one that has no place among the lowest."""
    assert [curve.is_number(value) for value in (1, 0.5, float("nan"), True, "1", None)] == [True] * 3 + [False] * 3
