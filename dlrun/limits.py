"""Types for a part's options that say which values make sense; `assemble.build` checks them before anything starts.

`def __init__(self, vocab_size: int, *, hidden: Positive, dropout: Share)` refuses `model.hidden=-3` by itself.
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
        if self.high is None:
            return f"more than {self.low:g}" if self.open_low else f"at least {self.low:g}"
        return f"from {self.low:g} to {'below ' if self.open_high else ''}{self.high:g}"


Positive = Annotated[int, Range(1)]  # a size or a count
NonNegative = Annotated[int, Range(0)]
Share = Annotated[float, Range(0, 1, open_high=True)]  # dropout, a held-out part
Rate = Annotated[float, Range(0, open_low=True)]  # a learning rate, a temperature
Amount = Annotated[float, Range(0)]  # noise, a weight decay
