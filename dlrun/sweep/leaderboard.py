"""Who is best in a sweep: leaderboard.json and .md, and a table at its end.

Where a seed is swept, the mean of a configuration counts: what jobs have in common that differ in their seed alone.
Elsewhere each job is a configuration of its own.
"""

import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from dlrun import console
from dlrun.errors import RunFailed
from dlrun.run.records import Leaderboard, Spread, SweepRow
from dlrun.store import kept
from dlrun.sweep.folder import Job, SweepDir, common
from dlrun.terminal.plain import amount, command

COLUMNS = ["rank", "job", "status", "overrides", "metric", "best", "last", "time"]
NEED = ["rank", "overrides", "mean", "best", "seeds", "status", "job", "metric", "time", "last"]  # most needed first
SHOWN = 20  # rows of the table
OF_SEEDS = ["rank", "overrides", "status", "metric", "mean", "seeds", "time"]


def write(sweep: SweepDir, jobs: Sequence[Job]) -> Leaderboard:
    board = leaderboard(sweep, jobs)
    kept.write_json(sweep.path, "leaderboard.json", board)
    kept.replace_text(sweep.path, "leaderboard.md", markdown(board))
    return board


def leaderboard(sweep: SweepDir, jobs: Sequence[Job]) -> Leaderboard:
    """Best first by the goal that most jobs have; jobs with another goal, or none yet, come last without a rank.

    `common`: the overrides that all jobs share; tables show only the others.
    """
    rows = [sweep.row(job).copy() for job in jobs]
    goals = Counter((row["metric"], row["mode"]) for row in rows if row["best"] is not None)
    metric, mode = goals.most_common(1)[0][0] if goals else (None, "min")
    ranked = [row for row in rows if row["metric"] == metric and row["best"] is not None]
    better = -1 if mode == "max" else 1
    ranked.sort(key=lambda row: (better * best(row), row["job"]))
    groups = grouped(ranked, swept=seed_is_swept(rows))
    groups.sort(key=lambda group: better * mean(group))  # stable: configurations that are equal stay by their best job
    ranked = [row for group in groups for row in group]
    for rank, row in enumerate(ranked, 1):
        row["rank"] = rank
    jobs_ranked = ranked + [row for row in rows if row["rank"] is None]
    board: Leaderboard = {"metric": metric, "mode": mode, "common": common(jobs), "jobs": jobs_ranked}
    if seeds := [spread(group) for group in groups if len(group) > 1]:
        board["seeds"] = seeds
    return board


def best_again(board: Leaderboard) -> list[str] | None:
    """What trains the best again; where a seed is swept it names none, since a configuration is best, not its seed."""
    first = board["jobs"][0] if board["jobs"] else None
    if first is None or first["rank"] != 1:
        return None
    return without_seed(first["overrides"]) if seed_is_swept(board["jobs"]) else first["overrides"]


# configurations


def is_seed(override: str) -> bool:
    return override.lstrip("+").startswith("seed=")


def without_seed(overrides: Sequence[str]) -> list[str]:
    return [each for each in overrides if not is_seed(each)]


def seed_is_swept(rows: Sequence[SweepRow]) -> bool:
    return len({each for row in rows for each in row["overrides"] if is_seed(each)}) > 1


def grouped(rows: Sequence[SweepRow], *, swept: bool) -> list[list[SweepRow]]:
    """The jobs of each configuration, in the order in which these first come."""
    groups: dict[object, list[SweepRow]] = {}
    for row in rows:
        groups.setdefault(tuple(without_seed(row["overrides"])) if swept else row["job"], []).append(row)
    return list(groups.values())


def best(row: SweepRow) -> float:
    """Of a job that has one."""
    assert row["best"] is not None
    return row["best"]


def mean(group: Sequence[SweepRow]) -> float:
    return statistics.fmean(best(row) for row in group)


def spread(group: Sequence[SweepRow]) -> Spread:
    values = [best(row) for row in group]
    return {
        "overrides": " ".join(without_seed(group[0]["overrides"])),
        "mean": mean(group),
        "std": statistics.stdev(values),
        "seeds": len(values),
    }


# as a table


def table(board: Leaderboard) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: a row a job, or a configuration where a seed is swept."""
    if not seed_is_swept(board["jobs"]):
        return COLUMNS, [cells(row, board["common"]) for row in board["jobs"]]
    groups = grouped(board["jobs"], swept=True)
    return OF_SEEDS, [folded(group, rank, board["common"]) for rank, group in enumerate(groups, 1)]


def cells(row: SweepRow, common: Sequence[str]) -> list[str]:
    return [
        "" if row["rank"] is None else str(row["rank"]),
        str(row["job"]),
        row["status"],
        differing(row["overrides"], common),
        row["metric"] or "",
        console.number(row["best"]),
        console.number(row["last"]),
        seconds([row]),
    ]


def folded(group: Sequence[SweepRow], rank: int, common: Sequence[str]) -> list[str]:
    """`1  optim.lr=0.001  completed  val/accuracy  0.8712 ± 0.0042  2 seeds: 0.874 0.868  4.1 s`"""
    ranked = [row for row in group if row["rank"] is not None]
    states = Counter(row["status"] for row in group)
    status = next(iter(states)) if len(states) == 1 else ", ".join(f"{n} {state}" for state, n in states.items())
    of = f"{len(ranked)} of {len(group)}" if len(ranked) < len(group) else str(len(group))
    values = "".join(f" {console.number(row['best'])}" for row in ranked)
    return [
        str(rank) if ranked else "",
        differing(without_seed(group[0]["overrides"]), common),
        status,
        group[0]["metric"] or "",
        mean_text(ranked),
        f"{of} seed{'s' if len(group) > 1 else ''}{':' if values else ''}{values}",
        seconds(group),
    ]


def mean_text(ranked: Sequence[SweepRow]) -> str:
    """`0.8712 ± 0.0042`: more digits of the deviation would say nothing."""
    if not ranked:
        return "-"
    text = console.number(mean(ranked))
    return text if len(ranked) < 2 else f"{text} ± {statistics.stdev(map(best, ranked)):.2g}"


def differing(overrides: Sequence[str], common: Sequence[str]) -> str:
    return " ".join(each for each in overrides if each not in common)


def seconds(group: Sequence[SweepRow]) -> str:
    """The time of a job, on average."""
    known = [row["duration_s"] for row in group if row["duration_s"] is not None]
    return f"{statistics.fmean(known):.1f} s" if known else ""


def markdown(board: Leaderboard) -> str:
    columns, rows = table(board)
    shared = ["", f"All jobs: `{' '.join(board['common'])}`"] if board["common"] else []
    lines = [f"# Leaderboard: {board['mode']} {board['metric']}", *shared, "", "| " + " | ".join(columns) + " |"]
    lines += ["|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def of_one_metric(
    board: Leaderboard, columns: list[str], rows: list[list[str]]
) -> tuple[str, list[str], list[list[str]]]:
    """Title, columns and rows for a screen: the metric that all jobs have is said once, above."""
    if any(row["metric"] not in (board["metric"], None) for row in board["jobs"]) or board["metric"] is None:
        return "leaderboard", columns, rows
    at = columns.index("metric")
    without = [each[:at] + each[at + 1 :] for each in (columns, *rows)]
    return f"leaderboard, {board['mode']} {board['metric']}", without[0], without[1:]


def best_run(sweep: SweepDir, jobs: Sequence[Job]) -> Path | None:
    """The run that stands first."""
    first = next(iter(leaderboard(sweep, jobs)["jobs"]), None)
    return sweep.path / first["folder"] if first and first["rank"] == 1 else None


def show(sweep: SweepDir, jobs: Sequence[Job]) -> list[SweepRow]:
    """Writes the leaderboard and shows it, with what trains the best again; its rows, best first."""
    board = write(sweep, jobs)
    title, columns, rows = of_one_metric(board, *table(board))
    console.table(title, columns, rows[:SHOWN], need=NEED)
    if len(rows) > SHOWN:
        console.say(f"{len(rows) - SHOWN} more in {sweep.path}/leaderboard.md")
    if (again := best_again(board)) is not None:
        console.say(f"the best again: {command(*again)}")
        console.say(f"look at it: {command('eval', sweep.path / board['jobs'][0]['folder'])}")
    return board["jobs"]


def raise_failures(sweep: SweepDir, rows: Sequence[SweepRow]) -> None:
    bad = [row for row in rows if row["status"] in ("failed", "diverged")]
    if bad:
        first = min(bad, key=lambda row: row["job"])
        again = f" Try them again: {command('resume', sweep.path, '--retry-failed')}"
        said = f"{len(bad)} of {amount(len(rows), 'job')} failed; the first, job {first['job']}: {first['error']}"
        raise RunFailed(said + (again if sweep.facts()["kind"] == "grid" else "")).of(sweep.path)
