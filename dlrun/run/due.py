"""What is due when: the questions that the trainer asks its settings after each step."""

from dlrun.config.settings import Settings
from dlrun.run.state import TrainState


class Due:
    """What the settings ask for where training stands."""

    def __init__(self, settings: Settings):
        self.settings = settings

    def title(self, state: TrainState) -> str:
        return f"epoch {state.epoch + 1}" + (f"/{self.settings.epochs}" if self.settings.epochs else "")

    def end(self, state: TrainState) -> bool:
        settings = self.settings
        return bool(
            (settings.epochs and state.epoch >= settings.epochs)
            or (settings.max_steps and state.step >= settings.max_steps)
            or (settings.patience and state.stale >= settings.patience)
        )

    def evaluation(self, state: TrainState) -> bool:
        if state.step == state.evaluated:
            return False
        return self.turn(state, self.settings.eval_every_epochs, self.settings.eval_every_steps) or self.end(state)

    def log(self, state: TrainState) -> bool:
        return state.step > state.logged and self.turn(state, 1, self.settings.log_every_steps)

    def checkpoint(self, state: TrainState, seconds: float) -> bool:
        """`seconds`: since the last one."""
        settings = self.settings
        if self.turn(state, settings.checkpoint_every_epochs, settings.checkpoint_every_steps):
            return True
        return settings.checkpoint_every_minutes is not None and seconds / 60 >= settings.checkpoint_every_minutes

    def turn(self, state: TrainState, every_epochs: int | None, every_steps: int | None) -> bool:
        """Whether the last step ended an `every_epochs`-th pass or was an `every_steps`-th one."""
        by_epoch = every_epochs is not None and state.batch == 0 and state.epoch % every_epochs == 0
        return by_epoch or (every_steps is not None and state.step % every_steps == 0)

    def batches_after(self, state: TrainState, count: int) -> int:
        """How many batches follow those of this pass, which has `count`; patience may end it earlier."""
        settings, ends = self.settings, []
        if settings.epochs:
            ends.append((settings.epochs - state.epoch - 1) * count)
        if settings.max_steps:
            ends.append((settings.max_steps - state.step) * settings.accumulate - (count - state.batch))
        return max(0, min(ends))
