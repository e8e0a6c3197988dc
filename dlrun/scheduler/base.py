"""A torch scheduler, moved at its own pace, with a warm-up that works for each of them."""

import warnings
from typing import Literal, TypedDict

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from dlrun.errors import UserError
from dlrun.optim.base import EvaluationAware

LENGTHS = ("T_max", "total_steps", "total_iters")  # what a scheduler calls the length of the run


class State(TypedDict):
    """Of a `Schedule`, for a checkpoint."""

    inner: dict[str, object]
    steps: int
    moves: int
    lrs: list[float]


class Schedule:
    """Moves `inner` after each step, epoch or evaluation; in the first `warmup` steps its lr is scaled by k / warmup.

    Most schedulers compute the next lr from the present one, so the lr without warm-up is put back before they move.
    An `inner` with a length stands still at the run's end, `total` updates: past it OneCycleLR would raise an error.
    UserError for a plateau that moves at any other time than after an evaluation: it needs a value to look at.
    """

    def __init__(
        self,
        optim: Optimizer,
        inner: LRScheduler,
        *,
        every: Literal["step", "epoch", "evaluation"],
        warmup: int,
        total: int,
    ):
        if isinstance(inner, ReduceLROnPlateau) and every != "evaluation":
            raise UserError(f"scheduler.every={every}: a plateau looks at a metric. Type scheduler.every=evaluation")
        self.optim, self.inner, self.every, self.warmup, self.total = optim, inner, every, warmup, total
        self.lengths = [name for name in LENGTHS if hasattr(inner, name)]
        self.steps = 0
        self.moves = 0  # those past the end counted in
        self.lrs = [group["lr"] for group in optim.param_groups]  # without the warm-up
        self.write()

    @property
    def lr(self) -> float:
        return float(self.optim.param_groups[0]["lr"])

    def write(self) -> None:
        factor = min(1.0, (self.steps + 1) / self.warmup) if self.warmup else 1.0
        for group, lr in zip(self.optim.param_groups, self.lrs, strict=True):
            group["lr"] = lr * factor

    def move(self, *value: float) -> None:
        """One move of `inner`; `value` is what a plateau looks at."""
        self.moves += 1
        if self.lengths and self.moves >= self.total:
            return
        for group, lr in zip(self.optim.param_groups, self.lrs, strict=True):
            group["lr"] = lr
        self.inner.step(*value)  # type: ignore[arg-type]  # torch calls the value of other schedulers an epoch
        self.lrs = [group["lr"] for group in self.optim.param_groups]

    def after_step(self) -> None:
        self.steps += 1
        if self.every == "step":
            self.move()
        self.write()

    def after_epoch(self) -> None:
        if self.every == "epoch":
            self.move()
            self.write()

    def after_evaluation(self, value: float) -> None:
        if isinstance(self.optim, EvaluationAware):
            self.optim.after_evaluation(value)
        if self.every == "evaluation":
            self.move(*([value] if isinstance(self.inner, ReduceLROnPlateau) else []))
            self.write()

    def state_dict(self) -> State:
        inner = {key: value for key, value in self.inner.state_dict().items() if is_plain(value)}
        return {"inner": inner, "steps": self.steps, "moves": self.moves, "lrs": list(self.lrs)}

    def load_state_dict(self, state: State) -> None:
        """Goes back to a state; for a schedule that has not moved yet, after the optimizer has loaded its own.

        A run with a new length gets the lr that it would have had with that length from the start. The old state is
        of no use there: a cosine that has come down to 0 stays at 0, as each lr is a multiple of the one before.
        """
        inner = state["inner"]
        if any(inner[name] != getattr(self.inner, name) for name in self.lengths):
            with warnings.catch_warnings(action="ignore", category=UserWarning):  # "step() before optimizer.step()"
                for _ in range(state["moves"]):
                    self.move()
        else:
            self.inner.load_state_dict(inner)
            self.moves, self.lrs = state["moves"], list(state["lrs"])
        self.steps = state["steps"]
        self.write()


def is_plain(value: object) -> bool:
    """Whether a checkpoint may hold it: schedulers also keep functions, which `weights_only=True` refuses."""
    if isinstance(value, dict):
        return all(is_plain(inner) for inner in value.values())
    if isinstance(value, list | tuple):
        return all(is_plain(inner) for inner in value)
    return value is None or isinstance(value, bool | int | float | str)
