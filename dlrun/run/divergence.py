"""A loss that is no finite number ends a run: at that step on a CPU, elsewhere when the device is next waited for."""

import math

import torch
from torch import Tensor

from dlrun.errors import Diverged

UNREAD = 1000  # losses at most that wait on the device to be looked at


class Divergence:
    """`note` each loss; `check` before anything is logged, evaluated or written. Both raise Diverged.

    To read a value from a GPU waits for all that was queued, so there losses stay on it until something waits anyway.
    """

    def __init__(self, *, asynchronous: bool):
        self.asynchronous = asynchronous
        self.unread: list[tuple[int, float, Tensor]] = []  # step, learning rate, loss ()

    def note(self, step: int, lr: float, loss: Tensor) -> None:
        if not self.asynchronous:
            refuse_non_finite(step, lr, loss.item())
            return
        self.unread.append((step, lr, loss.detach()))
        if len(self.unread) >= UNREAD:
            self.check()

    def check(self) -> None:
        if self.unread:
            losses = torch.stack([loss.float() for _, _, loss in self.unread]).tolist()
            for (step, lr, _), loss in zip(self.unread, losses, strict=True):
                refuse_non_finite(step, lr, loss)
            self.unread = []


def refuse_non_finite(step: int, lr: float, loss: float) -> None:
    if not math.isfinite(loss):
        raise Diverged(f"The loss became {loss} at step {step}. Try a smaller optim.lr (now {lr:g}) or trainer.clip=1.")
