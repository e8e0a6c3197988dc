"""One wrong call -> what is wrong with its answer: one short message, exit code 2, soon, nothing left behind."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runs import Cli

SECONDS = 5  # of this process's own time, so that a busy machine makes no difference
STUCK = 60  # seconds on the clock: it waits for something
LONGEST = 640  # characters of a message


def complaint(cli: Cli, argv: Sequence[str], message: str, *, codes: Sequence[int] = (2,)) -> str:
    """ "" where the answer is as it should be."""
    before = files()
    try:
        with in_time():
            code, out, err = cli(*argv)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return told(argv, f"{type(error).__name__}: {error}")
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    rest = err.partition("error: ")[2].strip()
    problems = [
        f"exit code {code}" * (code not in codes),
        f"{len(errors)} messages: {err[:300]}" * (len(errors) != 1),
        f"not {message!r} but: {rest[:300]}" * (message not in rest),
        f"{len(rest)} characters: {rest[:100]}" * (len(rest) > LONGEST),
        f"a traceback: {err[-300:]}" * ("Traceback" in err or "Error executing job" in err),
        f"on stdout: {out[:100]}" * bool(out),
        f"left behind: {sorted(files() - before)[:3]}" * (files() != before),
    ]
    found = "; ".join(filter(None, problems))
    return told(argv, found) if found else ""


def told(argv: Sequence[str], what: str) -> str:
    return f"{' '.join(each[:80] for each in argv)!r}: {what}"


def files() -> set[str]:
    return {str(path) for path in Path().rglob("*")}


@contextmanager
def in_time() -> Iterator[None]:
    def late(number: int, frame: Any) -> None:
        raise TimeoutError(f"more than {SECONDS if number == signal.SIGPROF else STUCK} s")

    before = signal.signal(signal.SIGPROF, late), signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, STUCK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGPROF, before[0])
        signal.signal(signal.SIGALRM, before[1])
