"""What is due when: the trainer's settings, where training stands, and the questions it asks itself after each step."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from dlrun.limits import Positive, Rate


@dataclass(frozen=True, kw_only=True)
class Settings:
    """conf/trainer/*.yaml. A step is one optimizer update; None switches a thing off."""

    epochs: Positive | None
    max_steps: Positive | None
    clip: Rate | None
    accumulate: Positive
    patience: Positive | None
    eval_every_epochs: Positive | None
    eval_every_steps: Positive | None
    checkpoint_every_epochs: Positive | None
    checkpoint_every_steps: Positive | None
    checkpoint_every_minutes: Rate | None
    log_every_steps: Positive
    limit_batches: Positive | None
    overfit_batches: Positive | None
    compile: bool


@dataclass
class Progress:
    """Where training stands; all of it goes into the checkpoint. `epoch` and `batch` are those of the next step."""

    epoch: int = 0
    batch: int = 0
    step: int = 0  # updates done
    evaluated: int = 0  # the step of the last evaluation: one that is due and not done is done first on resume
    logged: int = 0
    best: float | None = None
    best_step: int = 0
    stale: int = 0  # evaluations since the best one
    seconds: float = 0.0  # spent in earlier sessions
    seen: int = 0  # examples (or tokens, or pairs)
    figures: dict[str, float] = field(default_factory=dict)  # the last value of each tag


class Pace:
    """Settings and progress together: is it over, is something due?"""

    def __init__(self, settings: Settings):
        self.settings = settings
        self.at = Progress()
        self.started = self.saved_at = time.monotonic()

    def finished(self) -> bool:
        at, settings = self.at, self.settings
        return bool(
            (settings.epochs and at.epoch >= settings.epochs)
            or (settings.max_steps and at.step >= settings.max_steps)
            or (settings.patience and at.stale >= settings.patience)
        )

    def title(self) -> str:
        return f"epoch {self.at.epoch + 1}" + (f"/{self.settings.epochs}" if self.settings.epochs else "")

    def note_best(self, value: float, mode: str) -> bool:
        """Whether a value is the best so far."""
        at = self.at
        better = at.best is None or (value < at.best if mode == "min" else value > at.best)
        at.stale = 0 if better else at.stale + 1
        if not better or not math.isfinite(value):
            return False
        at.best, at.best_step = value, at.step
        return True

    def move(self, batch: int, batches: int) -> None:
        """To the position after a step that ended with the pass's `batch`-th batch."""
        self.at.batch = batch % batches
        self.at.epoch += batch == batches

    def batches_after(self, count: int) -> int:
        """How many batches follow those of this pass, which has `count`; patience may end it earlier."""
        settings, ends = self.settings, []
        if settings.epochs:
            ends.append((settings.epochs - self.at.epoch - 1) * count)
        if settings.max_steps:
            ends.append((settings.max_steps - self.at.step) * settings.accumulate - (count - self.at.batch))
        return max(0, min(ends))

    def evaluation_due(self) -> bool:
        if self.at.step == self.at.evaluated:
            return False
        return self.turn(self.settings.eval_every_epochs, self.settings.eval_every_steps) or self.finished()

    def log_due(self) -> bool:
        return self.at.step > self.at.logged and self.turn(1, self.settings.log_every_steps)

    def checkpoint_due(self) -> bool:
        settings = self.settings
        if self.turn(settings.checkpoint_every_epochs, settings.checkpoint_every_steps):
            return True
        minutes = (time.monotonic() - self.saved_at) / 60
        return settings.checkpoint_every_minutes is not None and minutes >= settings.checkpoint_every_minutes

    def turn(self, every_epochs: int | None, every_steps: int | None) -> bool:
        """Whether this step ends an `every_epochs`-th pass or is an `every_steps`-th one."""
        by_epoch = every_epochs is not None and self.at.batch == 0 and self.at.epoch % every_epochs == 0
        return by_epoch or (every_steps is not None and self.at.step % every_steps == 0)

    def elapsed(self) -> float:
        """Seconds of training, those of earlier sessions counted in."""
        return self.at.seconds + time.monotonic() - self.started
