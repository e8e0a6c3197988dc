"""Where a run's training stands: the one record of it, which goes into each checkpoint."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class TrainState:
    """`epoch` and `batch` are those of the next update, which will be the `step` + 1st. It moves when one is made."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    evaluated: int = 0  # the step of the last evaluation: one that is due and not done is done first on resume
    logged: int = 0
    best: float | None = None
    best_step: int = 0
    best_loss: float | None = None  # of the same evaluation
    stale: int = 0  # evaluations since the best one
    seconds: float = 0.0  # spent in earlier sessions
    seen: int = 0  # examples (or tokens, or pairs)
    metrics: dict[str, float] = field(default_factory=dict)  # the last value of each tag

    def ahead(self, batches: int, of: int) -> TrainState:
        """That after one more update, on so many batches of a pass that has `of`. Both share their metrics."""
        ahead = TrainState(**vars(self))
        ahead.step += 1
        ahead.batch = (self.batch + batches) % of
        ahead.epoch += ahead.batch == 0
        return ahead

    def end_pass(self) -> None:
        self.batch = 0
        self.epoch += 1

    def note_best(self, value: float, mode: str, loss: float | None) -> bool:
        """Whether a value is the best so far; where two are alike the lower loss decides.

        Of a small part, on which every example is soon right, the least trained model would be kept otherwise.
        """
        better = self.best is None or (value < self.best if mode == "min" else value > self.best)
        if value == self.best and loss is not None and self.best_loss is not None:
            better = loss < self.best_loss
        self.stale = 0 if better else self.stale + 1
        if not better or not math.isfinite(value):
            return False
        self.best, self.best_step, self.best_loss = value, self.step, loss
        return True

    def progress(self, seconds: float) -> dict[str, object]:
        """What a summary says after so many seconds."""
        return {
            "metrics": self.metrics,
            "epoch": self.epoch,
            "step": self.step,
            "duration_s": round(seconds, 3),
            "examples_per_s": round(self.seen / max(seconds, 1e-9), 1),
        }
