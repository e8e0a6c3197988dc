"""stdout and stderr as they are: full, closed, or with a reader who has left. Nothing that happens there ends a run."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import IO

from dlrun.errors import DlrunError

_lost: dict[str, Exception] = {}  # stream -> why it can't be written
_left: set[str] = set()  # streams whose reader has gone


class Stream:
    """stdout or stderr for whoever writes there: one that is full, closed or whose reader has left takes everything.

    Nobody who stopped reading (`2>&1 | head`, a dead `tee`, a terminal that is gone) may stop a run. sys.stderr is
    looked up each time: it may have been replaced.
    """

    def __init__(self, name: str):
        self.name = name

    @property
    def real(self) -> IO[str]:
        stream: IO[str] = getattr(sys, self.name)
        return getattr(stream, "rich_proxied_file", stream)  # while Rich draws, it puts itself in between

    def write(self, text: str) -> int:
        self.attempt(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        self.attempt(lambda stream: stream.flush())

    def attempt(self, act: Callable[[IO[str]], object]) -> None:
        stream = self.real
        try:
            act(stream)
        except (OSError, ValueError) as error:  # ValueError: it was closed
            _lost[self.name] = error
            _left.update([self.name] if isinstance(error, BrokenPipeError) else [])
            _to_nowhere(stream)  # what is buffered would otherwise fail once more when Python ends

    def isatty(self) -> bool:
        return bool(self.real.isatty())

    def fileno(self) -> int:
        return int(self.real.fileno())

    @property
    def encoding(self) -> str:
        return getattr(self.real, "encoding", None) or "utf-8"


def _to_nowhere(stream: IO[str]) -> None:
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def is_read(name: str) -> bool:
    """False once `| head` has what it wants: what nobody reads need not be worked out."""
    return name not in _left


def fill_closed_streams() -> None:
    """`2>&-`: otherwise the next file that is opened, maybe a checkpoint, is what libraries complain into."""
    _left.clear()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)  # the lowest free number, which is this one
            os.set_inheritable(nowhere, True)
            setattr(sys, name, os.fdopen(nowhere, "r" if name == "stdin" else "w", closefd=False))


@contextmanager
def kept_for_one_result() -> Iterator[int]:
    """The handle of the real stdout: what anybody prints there in the block, libraries too, goes to stderr."""
    Stream("stdout").flush()
    real = os.dup(1)
    os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield real
    finally:
        Stream("stdout").flush()
        os.dup2(real, 1)
        os.close(real)


def finish() -> None:
    """At the end of the program, also of what others printed."""
    for name in ("stdout", "stderr"):
        Stream(name).flush()
    settle()


def settle(*, in_log: bool = False) -> None:
    """A result that went nowhere is an error; one that a log has, or that nobody wants to read (`| head`), is not."""
    error = _lost.pop("stdout", None)
    if isinstance(error, OSError) and error.errno != errno.EPIPE and not in_log:
        raise DlrunError(f"The result can't be written to stdout: {error.strerror}.")
