"""`dlrun compare RUN RUN…`: where the configs of runs differ, and their results side by side."""

from collections.abc import Sequence
from typing import TypedDict

from dlrun import console
from dlrun.errors import UserError
from dlrun.run import query
from dlrun.run.folder import RunDir
from dlrun.run.query import ABSENT, Row
from dlrun.terminal.plain import command
from dlrun.verbs.parser import a_run, verb

IGNORED = ("folder", "data.files", "data.name", "choices.tuned")  # no choice of anybody's: they follow from the others
FACTS = ("status", "goal", "best", "epoch", "step", "parameters", "time")
CLOCKS = ("time", "speed/")  # what no two runs have in common


def run(argv: list[str]) -> None:
    parser = verb("compare", "Where runs differ: their configs, and their metrics side by side.", run=False, json=True)
    parser.add_argument("runs", nargs="+", type=a_run, metavar="RUN", help="a run's folder, or `last`")
    arguments = parser.parse_args(argv)
    if len(arguments.runs) < 2:
        raise UserError(f"To compare takes two runs or more: {command('compare', arguments.runs[0], 'RUN')}")
    rows = [open_row(name) for name in arguments.runs]
    config, results = config_differences(rows), side_by_side(rows)
    names = [row.plain["run"] for row in rows]
    if arguments.json:
        console.json_out({"runs": names, "config": config, "results": results})
        return
    if not config and all(equal(entry["values"]) for key, entry in results.items() if not key.startswith(CLOCKS)):
        console.out("no difference, in config and results")
        return
    numbers = [str(place) for place in range(1, len(names) + 1)]  # paths as headings would leave no room for values
    for number, name in zip(numbers, names, strict=True):
        console.out(f"{number}: {name}")
    if config:
        console.table("config", ["key", *numbers], [[key, *map(shown, values)] for key, values in config.items()])
    else:
        console.out("config: no difference")
    console.table("results; * marks the best", ["", *numbers], [result_cells(key, results[key]) for key in results])


def open_row(name: str) -> Row:
    path = RunDir.open(name).path
    row = query.read_row(str(path), (path / "config.yaml").lstat().st_mtime)
    if row is None:
        raise UserError(f"{path}/config.yaml is not the config of a run.")
    if row.why:
        raise UserError(row.why)
    return row


def config_differences(rows: Sequence[Row]) -> dict[str, list[object]]:
    """Key -> its value in each run, None where a run has no such key. A choice that differs stands for its class."""
    configs = [query.flat(row.config) for row in rows]
    keys = sorted({key for config in configs for key in config})
    found = {key: [config.get(key) for config in configs] for key in keys if not key.startswith(IGNORED)}
    differing = {key: values for key, values in found.items() if not equal(values)}
    chosen = {key.removeprefix("choices."): values for key, values in differing.items() if key.startswith("choices.")}
    rest = {
        key: values
        for key, values in differing.items()
        if not key.startswith("choices.") and not (key.endswith(("._target_", ".name")) and key.split(".")[0] in chosen)
    }
    return chosen | rest


class Compared(TypedDict):
    """A fact or metric of some runs."""

    values: list[object]
    mode: str | None  # which way is better
    best: list[int]  # the numbers of the runs that are best


def side_by_side(rows: Sequence[Row]) -> dict[str, Compared]:
    """By the name of a fact or metric."""
    same_goal = equal([row.plain["goal"] for row in rows])  # a loss in nats is no better than one in squares
    toward = query.directions(rows) if same_goal else {}
    tags = sorted({tag for row in rows for tag in row.metrics})
    results: dict[str, Compared] = {}
    for key in (*FACTS, *tags):
        values = [None if (value := row.get(key)) is ABSENT else value for row in rows]
        mode = toward.get(key.rpartition("/")[2]) if "/" in key else None
        if key == "best" and same_goal:
            mode = rows[0].mode
        results[key] = {"values": values, "mode": mode, "best": best(rows, key, mode)}
    return results


def best(rows: Sequence[Row], key: str, mode: str | None) -> list[int]:
    """Which runs have the best value; none where all are equal or nothing says what is better."""
    numbers = [row.number(key) for row in rows]
    known = [number for number in numbers if number is not None]
    if mode is None or len(known) < 2 or equal(numbers):
        return []
    top = max(known) if mode == "max" else min(known)
    return [place for place, number in enumerate(numbers) if number == top]


def equal(values: Sequence[object]) -> bool:
    return all(value == values[0] for value in values)


def result_cells(key: str, entry: Compared) -> list[str]:
    return [
        key,
        *(
            ("* " if place in entry["best"] else "") + (shown(value) if value is not None else "")
            for place, value in enumerate(entry["values"])
        ),
    ]


def shown(value: object) -> str:
    if value is None:
        return "-"
    return console.number(value) if isinstance(value, float) else str(value)
