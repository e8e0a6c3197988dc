"""Ranges as they are typed, as Optuna knows them, and the values that jobs get."""

from typing import Any

import pytest

pytest.importorskip("optuna")
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # noqa: E402

from dlrun.sweep.ranges import short  # noqa: E402


@pytest.mark.parametrize(
    ("value", "values", "expected"),
    [
        (0.00011757143514395643, FloatDistribution(1e-4, 0.1, log=True), 0.0001176),
        (0.09999999, FloatDistribution(1e-4, 0.1, log=True), 0.1),
        (0.123456789, FloatDistribution(0.123456, 1.0), 0.1235),
        (0.999999, FloatDistribution(0.0, 0.99999912345), 0.99999912345),  # never beyond the end
        (
            0.123412345678,
            FloatDistribution(0.12341, 0.12342),
            0.12341235,
        ),  # four digits alone would be below the interval
        (-0.000012345678, FloatDistribution(-1.0, 1.0), -1.235e-05),
        (0.0, FloatDistribution(-1.0, 1.0), 0.0),
        (0.5, FloatDistribution(0.5, 0.5), 0.5),
        (0.30000000000000004, FloatDistribution(0.0, 1.0, step=0.1), 0.3),
        (3, IntDistribution(1, 9), 3),
        ("16", CategoricalDistribution(["16", "32"]), "16"),
    ],
)
def test_sampled_values_are_short_and_stay_between_the_ends(value: Any, values: Any, expected: Any) -> None:
    assert short(value, values) == expected
