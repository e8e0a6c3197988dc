"""How a sweep ends: the leaderboard as a table, the command that trains the best again, and what failed."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun import console
from dlrun.errors import RunFailed
from dlrun.plain import command
from dlrun.sweep import leaderboard
from dlrun.sweep.folder import Job, SweepDir

SHOWN = 20  # rows of the table


def show(sweep: SweepDir, jobs: Sequence[Job]) -> list[dict]:
    """Writes the leaderboard and shows it; its rows, best first."""
    board = leaderboard.write(sweep, jobs)
    columns, rows = leaderboard.table(board)
    console.table("leaderboard", columns, rows[:SHOWN], need=leaderboard.NEED)
    if len(rows) > SHOWN:
        console.say(f"{len(rows) - SHOWN} more in {sweep.path}/leaderboard.md")
    if (again := leaderboard.best_again(board)) is not None:
        console.say(f"the best again: {command(*again)}")
    return board["jobs"]


def raise_failures(sweep: SweepDir, rows: Sequence[dict]) -> None:
    bad = [row for row in rows if row["status"] in ("failed", "diverged")]
    if bad:
        first = min(bad, key=lambda row: row["job"])
        raise RunFailed(
            f"{len(bad)} of {len(rows)} jobs failed; the first, job {first['job']}: {first['error']} "
            f"Try them again: {command('resume', sweep.path, '--retry-failed')}"
        )
