"""Averaged gradient descent (Polyak & Juditsky 1992), begun when it pays: NT-ASGD (Merity 2018, section 3)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch.optim import SGD
from torch.optim.optimizer import ParamsT

from dlrun.limits import NonNegativeFloat, NonNegativeInt, PositiveInt


class ASGD(SGD):
    """Gradient descent that also keeps the mean of the weights after each step; the mean is evaluated and kept as best.

    It is that of all steps after `start`. Where `start` is None it begins by itself, once an evaluation is worse than
    the best of those more than `patience` evaluations before it (the paper's non-monotonic trigger, its n). `mode`, min
    or max, says what is worse. Of last.pt only the optimizer's part holds the means: its weights are those
    that the training goes on with. Running means of batch norm are not averaged. torch.optim.ASGD keeps such a mean as
    `ax`, one step later, and leaves it to others to use it.
    """

    def __init__(
        self,
        params: ParamsT,
        mode: str,
        *,
        lr: NonNegativeFloat,
        weight_decay: NonNegativeFloat,
        start: NonNegativeInt | None,
        patience: PositiveInt,
    ):
        super().__init__(params, lr=lr, weight_decay=weight_decay)
        self.mode, self.patience = mode, patience
        for group in self.param_groups:  # in here it goes into checkpoints
            group |= {"steps": 0, "start": start, "values": []}

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]  # torch overloads it
        """x <- x - lr (g + weight_decay x), then mean <- mean + (x - mean) / count."""
        loss = super().step(closure)
        for group in self.param_groups:
            group["steps"] += 1
            if group["start"] is None or group["steps"] <= group["start"]:
                continue
            weights = [x for x in group["params"] if x.requires_grad]
            if group["steps"] == group["start"] + 1:
                for x in weights:
                    self.state[x]["mean"] = x.clone()
            else:
                weight = 1 / (group["steps"] - group["start"])
                torch._foreach_lerp_([self.state[x]["mean"] for x in weights], weights, weight)
        return loss

    def after_evaluation(self, value: float) -> None:
        """Looks whether to begin: `value` is what the run is to make small or large."""
        for group in self.param_groups:
            before = group["values"][: -self.patience]
            if group["start"] is None and before:
                worse = value > min(before) if self.mode == "min" else value < max(before)
                group["start"] = group["steps"] if worse else None
            group["values"].append(value)

    @contextmanager
    @torch.no_grad()
    def averaged(self) -> Iterator[None]:
        """Within it the weights are their means, if there are any yet; afterwards they are as they were, to the bit."""
        weights = [x for x, memory in self.state.items() if "mean" in memory]
        kept = [x.clone() for x in weights]
        try:
            for x in weights:
                x.copy_(self.state[x]["mean"])
            yield
        finally:
            for x, before in zip(weights, kept, strict=True):
                x.copy_(before)
