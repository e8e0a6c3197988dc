"""Averaged gradient descent (Polyak & Juditsky 1992; for language models: Merity 2018, section 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim import SGD

from dlrun.limits import Amount, NonNegative


class ASGD(SGD):
    """Steps as SGD does; after `start` steps the mean of all weights since then is what is evaluated and kept as best.

    The steps themselves go on from the weights, not from their mean. torch.optim.ASGD keeps such a mean as well, but
    nothing ever uses it, and its learning rate decays by itself. The paper's trigger, the first evaluations that do not
    improve, is not here: `start` is given.
    """

    def __init__(self, params: Iterable[Any], *, lr: Amount, weight_decay: Amount, start: NonNegative):
        super().__init__(params, lr=lr, weight_decay=weight_decay)
        self.start = start

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]  # torch overloads it
        loss = super().step(closure)
        for weight in self.weights():
            memory = self.state[weight]
            memory["steps"] = memory.get("steps", 0) + 1
            count = memory["steps"] - self.start
            if count == 1:
                memory["mean"] = weight.clone()
            elif count > 1:
                memory["mean"].lerp_(weight, 1 / count)
        return loss

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Within it the weights are their means, where there are any."""
        steered = [weight for weight in self.weights() if "mean" in self.state[weight]]
        kept = [weight.detach().clone() for weight in steered]
        with torch.no_grad():
            for weight in steered:
                weight.copy_(self.state[weight]["mean"])
        try:
            yield
        finally:
            with torch.no_grad():
                for weight, before in zip(steered, kept, strict=True):
                    weight.copy_(before)

    def weights(self) -> list[torch.Tensor]:
        return [weight for group in self.param_groups for weight in group["params"] if weight.requires_grad]
