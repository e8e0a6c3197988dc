"""How a sweep ends: the leaderboard as a table, the command that trains the best again, and what failed."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun import console
from dlrun.errors import RunFailed
from dlrun.plain import command
from dlrun.sweep.folder import COLUMNS, Job, SweepDir, cells

SHOWN = 20  # rows of the table


def show(sweep: SweepDir, jobs: Sequence[Job]) -> list[dict]:
    """Writes the leaderboard and shows it; its rows, best first."""
    board = sweep.write_leaderboard(jobs)
    rows = board["jobs"]
    console.table("leaderboard", COLUMNS, [cells(row, board["common"]) for row in rows[:SHOWN]])
    if len(rows) > SHOWN:
        console.say(f"{len(rows) - SHOWN} more in {sweep.path}/leaderboard.md")
    for each in board.get("seeds", []):
        spread = f"{console.number(each['mean'])} ± {console.number(each['std'])}"
        console.say(f"{each['overrides']}: {spread} over {each['seeds']} seeds")
    if rows and rows[0]["rank"] == 1:
        console.say(f"the best again: {command(*rows[0]['overrides'])}")
    return rows


def raise_failures(sweep: SweepDir, rows: Sequence[dict]) -> None:
    bad = [row for row in rows if row["status"] in ("failed", "diverged")]
    if bad:
        first = min(bad, key=lambda row: row["job"])
        raise RunFailed(
            f"{len(bad)} of {len(rows)} jobs failed; the first, job {first['job']}: {first['error']} "
            f"Try them again: {command('resume', sweep.path, '--retry-failed')}"
        )
