"""Signals as a wish to stop. Before anything trains they end the program at once; then the step is finished and saved.

SIGINT is Ctrl-C, SIGTERM a system that shuts down, SIGHUP a terminal or ssh that is gone, SIGUSR1 Slurm's warning that
time runs out. What the process ignores stays ignored (`nohup`; a sweep's workers, which the sweep itself tells).
No torch and no Rich in here: this is imported first of all.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1") if hasattr(signal, name))
ShouldPrune = Callable[[int, int, float], bool]  # (epoch, step, value of the goal) after each evaluation -> give up?
Handler = Callable[[int, FrameType | None], None]


def never_prune(epoch: int, step: int, value: float) -> bool:
    """Of a run of its own: it is never given up."""
    return False


def heard() -> list[int]:
    """Those that the process does not ignore; none in another thread than the main one, which can't listen.

    None: a library of C's own listens, to whom nobody could hand it back.
    """
    if threading.current_thread() is not threading.main_thread():
        return []
    return [number for number in SIGNALS if signal.getsignal(number) not in (signal.SIG_IGN, None)]


def listen(handler: Handler) -> None:
    """Until somebody else listens, `handler` hears what the process does not ignore."""
    for number in heard():
        signal.signal(number, handler)


def tell(text: str) -> None:
    """To stderr from within a handler: a buffered stream may be in mid-write, and refuses to be entered twice."""
    with suppress(OSError):
        os.write(2, text.encode() + b"\n")


_last_words: list[tuple[int, bytes]] = []


@contextmanager
def last_words(handle: int, text: str) -> Iterator[None]:
    """What a program that is ended at once in the block still writes, and where."""
    _last_words.append((handle, text.encode()))
    try:
        yield
    finally:
        _last_words.pop()


def say_last() -> None:
    for handle, text in _last_words:
        with suppress(OSError):
            os.write(handle, text)


class AtOnce(BaseException):
    """A second Ctrl-C: no step is finished any more."""


class GracefulStop:
    """`with GracefulStop() as stop:` and ask `stop.asked()` now and then; a second Ctrl-C raises AtOnce, a third kills.

    Saving inside of the handler would catch torch in mid-write and fail at random. Only a person is impatient: a closed
    terminal sends SIGHUP twice, Slurm SIGTERM after its warning, and neither may cut the saving short.
    """

    def __init__(self, text: str = "stopping at the end of this step") -> None:
        self.text = text
        self.number: int | None = None
        self.at_once = False
        self.earlier: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> GracefulStop:
        for number in heard():
            outer = getattr(signal.getsignal(number), "__self__", None)
            if isinstance(outer, GracefulStop):  # what it has heard is not lost
                self.number = outer.number
        self.earlier = {number: signal.signal(number, self.note) for number in heard()}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.earlier.items():
            signal.signal(number, handler)

    def asked(self) -> bool:
        return self.number is not None

    def note(self, number: int, frame: FrameType | None) -> None:
        if self.number is None:
            self.number = number
            again = "; once more to stop at once" if number == signal.SIGINT else ""
            tell(self.text + again)
        elif number == signal.SIGINT:
            self.at_once = True
            signal.signal(number, signal.SIG_DFL)
            raise AtOnce
