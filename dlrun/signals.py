"""SIGINT and SIGTERM as a wish to stop: a handler only sets a flag, the trainer saves at the end of its step."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

from dlrun import console

Watch = Callable[[int, int, float], bool]  # (epoch, step, value of the goal) after each evaluation -> give up?


def nobody(epoch: int, step: int, value: float) -> bool:
    """The watch of a run of its own: it is never given up."""
    return False


class StopWish:
    """`with StopWish() as wish:` and ask `wish.number` now and then. A second signal has its usual effect at once.

    What the process ignores stays ignored: a sweep's workers leave Ctrl-C, which reaches them too, to the sweep.

    Saving inside of the handler would catch torch in mid-write and fail at random.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.number: int | None = None
        self.earlier: dict[int, object] = {}

    def __enter__(self) -> StopWish:
        heard = [number for number in self.SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self.earlier = {number: signal.signal(number, self.note) for number in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.earlier.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def note(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        self.__exit__()
        console.warn("stopping at the end of this step; once more to stop at once")
