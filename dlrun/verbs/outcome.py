"""`--json` of a training command: how it ended as one JSON object, the last line of stdout, also when it fails."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from dlrun import console
from dlrun.errors import DlrunError
from dlrun.run import signals
from dlrun.run.folder import RunDir
from dlrun.run.records import Goal, Summary
from dlrun.store.kept import Unreadable
from dlrun.terminal import streams
from dlrun.terminal.plain import json_text

if TYPE_CHECKING:
    from dlrun.sweep.folder import SweepDir

HEAD = 10  # rows of a sweep's leaderboard


class Outcome:
    """What a command has come to so far: a run's folder, a sweep's, or an estimate."""

    def __init__(self) -> None:
        self.run: RunDir | None = None
        self.sweep: SweepDir | None = None
        self.estimate: dict[str, object] = {}
        self.began = time.monotonic()

    def note_run(self, run: RunDir) -> None:
        self.run = run

    def note_sweep(self, sweep: SweepDir) -> None:
        self.sweep = sweep

    def values(self, status: str, error: str | None) -> dict[str, object]:
        if self.sweep:
            return self.of_sweep(self.sweep, status, error)
        if self.run:
            return of_run(self.run, status, error)
        return {"status": status, **(self.estimate or nothing()), "error": error}

    def of_sweep(self, sweep: SweepDir, status: str, error: str | None) -> dict[str, object]:
        """The leaderboard's head, and how many jobs ended how."""
        from dlrun.sweep.leaderboard import leaderboard

        board = leaderboard(sweep, sweep.jobs())
        first = board["jobs"][0] if board["jobs"] else None
        return {
            "status": status,
            "goal": board["metric"],
            "mode": board["mode"] if board["metric"] else None,
            "best": first["best"] if first else None,
            "folder": str(sweep.path),
            "duration_s": round(time.monotonic() - self.began, 3),
            "jobs": dict(Counter(row["status"] for row in board["jobs"])),
            "common": board["common"],
            "leaderboard": board["jobs"][:HEAD],
            "error": error,
        }


def of_run(run: RunDir, status: str, error: str | None) -> dict[str, object]:
    """What its summary says; `status` and `error` are those of this command, which the disk may not have taken."""
    try:
        summary = run.read_summary()
    except Unreadable:
        summary = Summary()
    goal = summary.get("goal", Goal())
    return {
        "status": status,
        "goal": goal.get("metric"),
        "mode": goal.get("mode"),
        "best": goal.get("best"),
        "best_step": goal.get("best_step"),
        "metrics": summary.get("metrics", {}),
        "folder": str(run.path),
        "duration_s": summary.get("duration_s"),
        "error": error,
    }


def nothing() -> dict[str, object]:
    """Of a command that never came to a run."""
    keys = ("goal", "mode", "best", "best_step", "metrics", "folder", "duration_s")
    return dict.fromkeys(keys) | {"metrics": {}}


@contextmanager
def told_as_json() -> Iterator[Outcome]:
    """Nothing but the object goes to stdout. A mistake of before there was a run has the status "error"."""
    outcome, status, reason = Outcome(), "completed", None
    early = json_text(outcome.values("interrupted", "stopped before it began")) + "\n"
    try:
        with streams.kept_for_one_result() as real, signals.last_words(real, early):
            try:
                yield outcome
            except BaseException as error:
                status, reason = how_it_ended(error, begun=bool(outcome.run or outcome.sweep))
                raise
    finally:
        console.out(json_text(outcome.values(status, reason)))


def how_it_ended(error: BaseException, *, begun: bool) -> tuple[str, str]:
    if isinstance(error, DlrunError):
        early = error.status == "failed" and not begun
        return "error" if early else error.status, str(error)
    if not isinstance(error, Exception):
        return "interrupted", "stopped at once"
    return "failed" if begun else "error", f"{type(error).__name__}: {error}".splitlines()[0]
