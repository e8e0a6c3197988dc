"""What was typed of a key, such as interval(0,1), as Optuna knows it; and its values as a job gets them."""

import math

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from dlrun.config.compose import IntervalSweep, Override, RangeSweep
from dlrun.errors import UserError
from dlrun.sweep.samplers import Axis

Distribution = BaseDistribution


def varies(override: Override) -> bool:
    return override.is_sweep_override() and len(getattr(override.value(), "list", [0, 0])) != 1


def distribution(override: Override) -> Distribution:
    """interval and range become numbers, everything else a choice; tag(log,...) samples the logarithm."""
    value = override.value()
    try:
        if isinstance(value, IntervalSweep):
            log = "log" in value.tags
            assert value.start is not None and value.end is not None
            if isinstance(value.start, int) and isinstance(value.end, int):
                return IntDistribution(value.start, value.end, log=log)
            return FloatDistribution(float(value.start), float(value.end), log=log)
        if isinstance(value, RangeSweep):
            numbers = list(value.range())
            if not numbers:
                raise ValueError("the range is empty")
            if all(isinstance(number, int) for number in numbers):
                return IntDistribution(int(numbers[0]), int(numbers[-1]), step=int(value.step))
            return FloatDistribution(float(numbers[0]), float(numbers[-1]), step=float(value.step))
        return CategoricalDistribution(list(override.sweep_string_iterator()))
    except ValueError as error:
        raise UserError(f"{override.input_line} is no range to search: {error}") from error


def short(value: object, values: Distribution) -> object:
    """What a run gets of a sampled 0.00011757143514395643: four digits, or as many as a narrow interval needs.

    The study keeps its own value: jobs and trials belong together by their numbers.
    """
    if not (isinstance(value, float) and isinstance(values, FloatDistribution)) or values.single():
        return value
    if values.step is not None:
        return float(f"{value:.12g}")  # one of the steps as it was typed: 0.3, not 0.30000000000000004
    near = max(abs(value), values.high - values.low) / (values.high - values.low)
    digits = 4 if values.log and values.low < values.high / 2 else 4 + math.floor(math.log10(near))
    return min(max(float(f"{value:.{digits}g}"), values.low), values.high)


def axis(key: str, values: Distribution) -> Axis:
    """The values that a grid has along one axis."""
    if isinstance(values, CategoricalDistribution):
        return list(values.choices)
    if not isinstance(values, IntDistribution | FloatDistribution) or values.step is None:
        raise UserError(
            f"{key} has no steps, so a grid has no end. Type values a,b or range(0,1,0.1), or another sampler."
        )
    return [values.low + number * values.step for number in range(round((values.high - values.low) / values.step) + 1)]
