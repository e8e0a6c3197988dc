"""Types for a part's options that say which values make sense; `assemble.build` checks them before anything starts.

`def __init__(self, vocab_size: int, *, hidden: PositiveInt, dropout: Fraction)` refuses `model.hidden=-3` by itself.
"""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`; `open_low` and `open_high` leave the ends out."""

    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: float) -> bool:
        above = self.low is None or (value > self.low if self.open_low else value >= self.low)
        below = self.high is None or (value < self.high if self.open_high else value <= self.high)
        return above and below

    def __str__(self) -> str:
        low, high = (f"{end:,}" if isinstance(end, int) else f"{end:g}" for end in (self.low or 0, self.high or 0))
        if self.high is None:
            return f"more than {low}" if self.open_low else f"at least {low}"
        return f"from {low} to {'below ' if self.open_high else ''}{high}"


PositiveInt = Annotated[int, Range(1)]  # a size or a count
NonNegativeInt = Annotated[int, Range(0)]
Layers = Annotated[int, Range(1, 1000)]  # each costs time to build, however narrow it is
Reach = Annotated[int, Range(1, 1000)]  # words or characters to look at together, each a pass over the data
Seed = Annotated[int, Range(-(2**63), 2**63 - 1)]  # what torch draws from
Fraction = Annotated[float, Range(0, 1, open_high=True)]  # dropout, a held-out part
PositiveFloat = Annotated[float, Range(0, open_low=True)]  # a learning rate, a temperature
NonNegativeFloat = Annotated[float, Range(0)]  # noise, a weight decay

OF_TORCH: dict[
    str, object
] = {  # options of its optimizers and schedulers that it takes at any value and stumbles over later
    "step_size": PositiveInt,
    "patience": NonNegativeInt,
    "cooldown": NonNegativeInt,
    "gamma": NonNegativeFloat,
    "eta_min": NonNegativeFloat,
    "max_lr": PositiveFloat | list[PositiveFloat],
}
