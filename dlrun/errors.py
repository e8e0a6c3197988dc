"""The ways a run can end badly, each with its exit code; a message is one short text for a person."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Self

LISTED = 35  # names: a longer list hides the near one
LONGEST = 4000  # characters of a message
LONGEST_WORD = 300  # characters of one word in a message: what was typed is quoted, and may be a whole file


class DlrunError(Exception):
    """Ends the program with `exit_code` and its message, never with a traceback; a run with `status` in its summary."""

    exit_code = 1
    status = "failed"
    folder: Path | None = None  # of the run or the sweep that ended so, once it had one

    def __init__(self, message: str):
        short = re.sub(rf"\S{{{LONGEST_WORD},}}", lambda found: f"{found[0][:60]}…", message)
        super().__init__(short if len(short) <= LONGEST else f"{short[:LONGEST]}…")

    def of(self, folder: Path) -> Self:
        """The same, once it is known which folder it is about."""
        self.folder = folder.absolute()
        return self


class UserError(DlrunError):
    """What was asked can't be done: an unknown name, a bad value, a model that does not fit the data."""

    exit_code = 2


class DataError(DlrunError):
    """Data can not be had: no network, no mirror, or a file whose digest is wrong."""

    exit_code = 3


class RunFailed(DlrunError):
    """A run failed; its folder says why."""


class Diverged(RunFailed):
    """A run's loss is no number any more."""

    status = "diverged"


class Pruned(DlrunError):
    """A search gave the run up: others do better."""

    status = "pruned"


class Stopped(DlrunError):
    """A run was stopped by a signal, with a checkpoint written. Exit code 128 + the signal's number."""

    status = "interrupted"

    def __init__(self, message: str, signal_number: int):
        super().__init__(message)
        self.exit_code = 128 + signal_number


def is_newer(version: str, than: str) -> bool:
    """0.10.0 is newer than 0.9.1."""
    left, right = ([int(part) for part in each.split(".") if part.isdecimal()] for each in (version, than))
    return left > right


def refuse_newer(what: str, found: object, known: int) -> None:
    """UserError for a file whose format came after this dlrun: a later version raises the number when it must."""
    if isinstance(found, int) and found > known:
        raise UserError(
            f"{what} has format {found}, and this dlrun reads {known}: a newer dlrun made it. Update dlrun to open it."
        )


def nearest(name: str, possible: Iterable[str]) -> str:
    """`Did you mean lstm? Possible: gru, lstm, rnn.` for `lstn`; without a near name just what is possible.

    More than 35 names are listed only where none is near, and then the first 35.
    """
    names = sorted(possible)
    if not names:
        return "It has none."
    hint = did_you_mean(name, names)
    if hint and len(names) > LISTED:
        return hint
    return f"{hint} Possible: {', '.join(names[:LISTED])}{', …' * (len(names) > LISTED)}.".lstrip()


def did_you_mean(name: str, possible: Iterable[str]) -> str:
    """`Did you mean lstm?` for `lstn`; empty where no name is near."""
    close = get_close_matches(name, sorted(possible), n=2, cutoff=0.6)
    return f"Did you mean {' or '.join(close)}?" if close else ""
