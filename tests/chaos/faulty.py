"""A process in which the n-th file operation below a folder fails, once, as a disk does; or is followed by a signal."""

import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dlrun.cli import end_at_once, exit_code
from dlrun.run import signals

CALLS = ("open", "write", "fsync", "replace", "mkdir", "link")  # what kept.py does to a folder


def run(home: Path, arguments: tuple[str, ...], number: int, error: int) -> None:
    """`dlrun ...` whose operation of that number fails; `error` 0: a short write, which is no failure at all."""
    os.chdir(home)
    written = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(written, 1)
    os.dup2(written, 2)
    count = 0

    def failing(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*positional: Any, **named: Any) -> Any:
            nonlocal count
            if not counts(name, positional, named):
                return real(*positional, **named)
            count += 1
            if count != number:
                return real(*positional, **named)
            Path("failed.txt").write_text(name)
            if error:
                raise OSError(error, os.strerror(error))
            return real(positional[0], positional[1][:1]) if name == "write" else real(*positional, **named)

        return call

    for name in CALLS:
        setattr(os, name, failing(name, getattr(os, name)))
    sys.exit(exit_code(list(arguments)))


def stopped(home: Path, arguments: tuple[str, ...], number: int, stop: int) -> None:
    """`dlrun ...` that gets a signal right after its operation of that number, with handlers as cli.main has them."""
    os.chdir(home)
    signals.listen(end_at_once)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals.SIGNALS)
    written = os.open(home.with_suffix(".txt"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(written, 1)
    os.dup2(written, 2)
    count = 0

    def stopping(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*positional: Any, **named: Any) -> Any:
            nonlocal count
            done = real(*positional, **named)
            if counts(name, positional, named):
                count += 1
                if count == number:
                    os.kill(os.getpid(), stop)
            return done

        return call

    for name in CALLS:
        setattr(os, name, stopping(name, getattr(os, name)))
    sys.exit(exit_code(list(arguments)))


def counts(name: str, positional: tuple[Any, ...], named: dict[str, Any]) -> bool:
    """Only what writes into the run's folder: its files are opened below a handle (dir_fd)."""
    if name == "open":
        return "dir_fd" in named and bool(positional[1] & (os.O_WRONLY | os.O_RDWR))
    if name == "write":
        return isinstance(positional[0], int) and positional[0] > 2 and named == {}
    return name in ("fsync", "mkdir") or "src_dir_fd" in named


ERRORS = {"ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EACCES": errno.EACCES, "short": 0}
