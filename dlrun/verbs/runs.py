"""`dlrun runs [DIR…]`: a table of runs, newest first. Reads files only: no torch, no database."""

import csv
import io
import math
from collections.abc import Sequence

from dlrun import console
from dlrun.run import query
from dlrun.run.query import ABSENT, Row
from dlrun.terminal.plain import visible
from dlrun.verbs.parser import a_word, add_filter, between, verb

SHOWN = 50  # rows of the table when nothing else is said: drawing thousands takes seconds, and nobody reads them
COLUMNS = ("run", "status", "model", "data", "optim", "goal", "best", "step", "time")
NEED = ("run", "status", "best", "differs", "model", "data", "goal", "time", "optim", "step")  # most needed first


def run(argv: list[str]) -> None:
    parser = verb("runs", "A table of runs, newest first.", run=False)
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--json", action="store_true", help="print JSON")
    ways.add_argument("--csv", action="store_true", help="print CSV")
    add_filter(parser)
    parser.add_argument(
        "--sort", type=a_word, metavar="KEY", help="best, time, step … or any metric or config key: the best first"
    )
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    parser.add_argument("--limit", type=between(0), metavar="N", help=f"rows; the table shows {SHOWN}; 0: all")
    arguments = parser.parse_args(argv)
    every = query.read(arguments.folders)
    rows = query.where(every, arguments.where)
    if arguments.sort is not None:
        query.check_key(every, arguments.sort)
    rows = query.ordered(rows, arguments.sort, arguments.reverse)
    limit = arguments.limit if arguments.limit is not None else 0 if arguments.json or arguments.csv else SHOWN
    shown = rows[:limit] if limit else rows
    asked = [query.Condition.parse(text).key for text in arguments.where] + [arguments.sort or "run"]
    extra = [key for key in dict.fromkeys(asked) if key not in COLUMNS]
    if arguments.json:
        console.json_out([as_json(row, extra) for row in shown])
    elif arguments.csv:
        show_csv(shown, extra)
    elif not rows:
        console.out("No run matches." if every else "There is no run yet. Start one: dlrun model=lstm")
    else:
        differ = differing(shown)
        columns = [*COLUMNS, *extra, *(["differs"] if any(differ) else [])]
        cells = [
            [cell(row, key) for key in (*COLUMNS, *extra)] + ([text] if any(differ) else [])
            for row, text in zip(shown, differ, strict=True)
        ]
        console.table("runs", columns, cells, need=[*NEED[:3], *extra, *NEED[3:]])
        if len(shown) < len(rows):
            console.say(f"{len(shown)} of {len(rows):,} runs; --limit 0 shows all")


def differing(rows: Sequence[Row]) -> list[str]:
    """What was typed for each run and not for all of them, without the choices that have a column."""
    shared = set.intersection(*(set(row.overrides) for row in rows))
    plain = ("model=", "data=", "optim=", "folder=")
    return [
        " ".join(each for each in row.overrides if each not in shared and not each.startswith(plain)) for row in rows
    ]


def as_json(row: Row, extra: Sequence[str]) -> dict[str, object]:
    """`keys` holds what was asked for and is neither a plain value nor a metric."""
    wanted = {key: row.get(key) for key in extra if key not in row.plain and key not in row.metrics}
    keys = {key: None if value is ABSENT else value for key, value in wanted.items()}
    return {**row.plain, "overrides": row.overrides, "metrics": row.metrics, **({"keys": keys} if keys else {})}


def show_csv(rows: Sequence[Row], extra: Sequence[str]) -> None:
    """One column a plain value, metric or key asked for."""
    columns = query.columns(rows, extra) if rows else dict.fromkeys((*COLUMNS, "overrides", *extra), [])
    text = io.StringIO()
    table: list[list[object]] = [list(columns), *map(list, zip(*columns.values(), strict=True))]
    csv.writer(text, lineterminator="\n").writerows(
        [visible(each) if isinstance(each, str) else each for each in row] for row in table
    )
    console.out(text.getvalue().rstrip("\n"))


def cell(row: Row, key: str) -> str:
    value = row.get(key)
    if value is ABSENT or value is None:
        return ""
    if key == "status" and row.why:
        return f"unreadable: {row.why.partition(': ')[2]}"
    if key == "time":
        return f"{value:.0f} s"
    if isinstance(value, float):
        return console.number(value) if math.isfinite(value) else str(value)
    return str(value)
