"""The trainer's settings: how long a run is, and what happens how often."""

from dataclasses import dataclass

from dlrun.errors import UserError
from dlrun.limits import PositiveFloat, PositiveInt


@dataclass(frozen=True, kw_only=True)
class Settings:
    """conf/trainer/*.yaml. A step is one optimizer update; None switches a thing off."""

    epochs: PositiveInt | None
    max_steps: PositiveInt | None
    clip: PositiveFloat | None
    accumulate: PositiveInt
    patience: PositiveInt | None
    eval_every_epochs: PositiveInt | None
    eval_every_steps: PositiveInt | None
    checkpoint_every_epochs: PositiveInt | None
    checkpoint_every_steps: PositiveInt | None
    checkpoint_every_minutes: PositiveFloat | None
    log_every_steps: PositiveInt
    limit_batches: PositiveInt | None
    overfit_batches: PositiveInt | None
    compile: bool
    init_from: str | None

    def pass_batches(self, there: int) -> int:
        """How many batches a pass has where the training part makes so many."""
        if not there:
            raise UserError("The training part is too small for one batch of this task. Pick another data=.")
        return min(there, self.overfit_batches or self.limit_batches or there)
