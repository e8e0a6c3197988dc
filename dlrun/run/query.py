"""Runs as rows: read from their folders, filtered, sorted. Reads files only: no torch, no database.

A run's summary.json answers most questions; config.yaml is read only where a key of it is asked for, and parsed only
where that is no plain value, since YAML costs thirty times more than JSON.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path

import yaml

from dlrun.config.outputs import OUTPUTS
from dlrun.errors import UserError, did_you_mean, nearest
from dlrun.run.folder import RunDir, find_runs, read_summary
from dlrun.run.records import Summary
from dlrun.store import kept
from dlrun.store.kept import Unreadable

STATUSES = ("running", "completed", "interrupted", "diverged", "failed", "pruned", "unreadable")
KNOWN = {
    "loss": "min",
    "log_loss": "min",
    "perplexity": "min",
    "mse": "min",
    "rmse": "min",
    "mae": "min",
} | dict.fromkeys(("accuracy", "top5", "f1", "auc", "r2", "bleu"), "max")  # metric -> where it is better
ABSENT = object()  # what a run says about a key that it does not have; None is a value
YOUNG = 60.0  # seconds in which a run without a summary may still be about to begin


class Row:
    """One run: plain values such as status and model, metrics by tag, and the keys of its config."""

    def __init__(self, path: str, summary: Summary, status: str, started: float, why: str = ""):
        chosen, goal = summary.get("choices", {}), summary.get("goal", {})
        self.why = why  # it is unreadable, in a line
        self.overrides: list[str] = summary.get("overrides", [])
        self.metrics: dict[str, float | None] = summary.get("metrics", {})
        self.goal, self.mode = goal.get("metric"), goal.get("mode")
        self.run, self.started = path, started
        self.plain: dict[str, object] = {
            "run": path,
            "status": status,
            **{group: chosen.get(group) for group in ("model", "data", "task", "optim", "scheduler")},
            "goal": self.goal,
            "mode": self.mode,
            "best": goal.get("best"),
            "epoch": summary.get("epoch"),
            "step": summary.get("step"),
            "time": summary.get("duration_s"),
            "parameters": summary.get("parameters"),
            "seed": summary.get("seed"),
            "source": summary.get("data", {}).get("source"),
            "started": started,
        }

    @property
    def path(self) -> Path:
        return Path(self.run)

    def get(self, key: str) -> object:
        """The value of a plain key, a metric's tag or a key of the config such as `optim.lr`; ABSENT without one."""
        if key in self.plain:
            return self.plain[key]
        if key in self.metrics:
            return self.metrics[key]
        text = "" if "config" in self.__dict__ else self.config_text()
        if text and f"{key.rpartition('.')[2]}:" not in text:
            return ABSENT
        if found := key_pattern(key).search(text):
            return scalar(found[1])
        node: object = self.config
        for step in key.split("."):
            node = node.get(step, ABSENT) if isinstance(node, dict) else ABSENT
        return node

    def config_text(self) -> str:
        try:
            return kept.read(self.run, "config.yaml", kept.MB).decode(errors="replace")
        except Unreadable:
            return ""

    @cached_property
    def config(self) -> dict[str, object]:
        try:
            return kept.read_yaml(self.path, "config.yaml", dict[str, object])
        except Unreadable:
            return {}

    def number(self, key: str) -> float | None:
        return finite(self.get(key))


def finite(value: object) -> float | None:
    """The value where it is a finite number."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


@cache
def key_pattern(key: str) -> re.Pattern[str]:
    """Finds the plain value of `optim.lr` in the block style that configs are written in, without parsing the rest."""
    *path, name = (re.escape(step) for step in key.split("."))
    above = "".join(rf"^{'  ' * depth}{step}:\n(?:{'  ' * (depth + 1)}.*\n)*?" for depth, step in enumerate(path))
    return re.compile(rf"{above}^{'  ' * len(path)}{name}: ([\w.+-]+)$", re.MULTILINE)


@cache
def scalar(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except ValueError:  # a number of more digits than Python reads
        return text


def read_row(path: str, started: float) -> Row | None:
    """None for a folder that only looks like a run's, such as somebody else's with a config.yaml of its own.

    A run of ours that can't be read is a row of its own: one bad folder must not hide the others.
    """
    try:
        summary = read_summary(path)
    except Unreadable as error:
        return Row(path, {}, "unreadable", started, str(error)) if is_marked(path) else None
    status: str | None = summary.get("status")
    if status is None or "choices" not in summary:
        if not is_marked(path):
            return None
        young = time.time() - started < YOUNG
        status = status or ("running" if young or RunDir(Path(path)).in_use() else "failed")
    elif status == "running" and not RunDir(Path(path)).in_use():
        status = "interrupted"  # killed: nobody was left to write it down
    return Row(path, summary, status, started)


def is_marked(path: str | Path) -> bool:
    """Whether a folder's config.yaml is one that dlrun wrote: it says what was chosen."""
    try:
        return {"choices", "seed", "folder"} <= set(RunDir(Path(path)).read_config())
    except Unreadable:
        return False


def read(folders: Sequence[str]) -> list[Row]:
    """All runs below the folders, or below outputs/, newest first. UserError where a named folder holds none."""
    named = [Path(folder) for folder in folders]
    found = [row for path, started in find_runs(named or [OUTPUTS]) if (row := read_row(path, started))]
    for folder in named:
        if not any(row.path.is_relative_to(folder) for row in found):
            raise UserError(f"There is no run in {folder}. A run's folder has a config.yaml and a summary.json.")
    rows = {row.run: row for row in found}  # once, when folders were named twice
    return sorted(rows.values(), key=lambda row: (row.started, row.run), reverse=True)


def columns(rows: Sequence[Row], keys: Sequence[str] = ()) -> dict[str, list[object]]:
    """Runs as a table: name -> a value a run, None where it has none. Plain values, what was typed, metrics, `keys`."""
    tags = sorted({tag for row in rows for tag in row.metrics})
    plain = list(rows[0].plain) if rows else []
    more = {key: [None if (found := row.get(key)) is ABSENT else found for row in rows] for key in keys}
    return {
        **{key: [row.plain[key] for row in rows] for key in plain},
        "overrides": [" ".join(row.overrides) for row in rows],
        **{tag: [row.metrics.get(tag) for row in rows] for tag in tags},
        **{key: values for key, values in more.items() if key not in plain and key not in tags},
    }


def check_key(rows: Sequence[Row], key: str) -> None:
    """UserError for a key that no run has, with those spelled alike."""
    if not rows or any(key in row.plain or key in row.metrics for row in rows):
        return
    if any(row.get(key) is not ABSENT for row in rows):
        return
    short = {*rows[0].plain, *(tag for row in rows for tag in row.metrics)}
    near = did_you_mean(key, short | set(flat(rows[0].config)))
    listed = f"Possible: {', '.join(sorted(short))}, and every key of a config.yaml, such as optim.lr."
    raise UserError(f"No run has {key}. {near or listed}")


def flat(config: dict[str, object], prefix: str = "") -> dict[str, object]:
    """{"optim": {"lr": 0.1}} -> {"optim.lr": 0.1}"""
    values: dict[str, object] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            values |= flat(value, f"{prefix}{key}.")
        else:
            values[f"{prefix}{key}"] = value
    return values


# filtering


@dataclass(frozen=True)
class Condition:
    """`val/accuracy>0.9`, `model=lstm,gru`: a key, an operator and what is wanted, as it was typed."""

    key: str
    operator: str
    wanted: str

    @classmethod
    def parse(cls, text: str) -> Condition:
        found = re.fullmatch(r"([^=<>!~]+)(!=|>=|<=|=|>|<)([^=<>].*)", text.strip())
        if not found:
            raise UserError(
                f"{text} is no condition. Operators: = != > >= < <=. "
                "For example: --where status=failed 'val/accuracy>0.9' (quoted: a shell reads > itself)"
            )
        key, operator, wanted = (part.strip() for part in found.groups())
        if key == "status":
            for each in wanted.split(","):
                if each not in STATUSES:
                    raise UserError(f"There is no status {each}. {nearest(each, STATUSES)}")
        if operator not in ("=", "!="):
            bound(text, wanted)
        return cls(key, operator, wanted)

    def holds(self, row: Row) -> bool:
        """A run without the key differs from everything, and is neither above nor below anything."""
        if self.operator in ("=", "!="):
            return alike(row.get(self.key), self.wanted) == (self.operator == "=")
        value = row.number(self.key)
        if value is None:
            return False
        limit = bound(self.wanted, self.wanted)
        if value == limit:
            return "=" in self.operator
        return (value > limit) == (self.operator[0] == ">")


def bound(text: str, wanted: str) -> float:
    """What > and < compare with: a number, or for `started` a date such as 2026-11-21."""
    try:
        return float(wanted)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(wanted).timestamp()
    except ValueError:
        raise UserError(f"{text}: {wanted} is neither a number nor a date such as 2026-11-21.") from None


def alike(value: object, wanted: str) -> bool:
    """Whether a value is the one typed, or one of those typed with commas: lstm, 0.01, true, null, [64,32]."""
    if value is ABSENT:
        return False
    if isinstance(value, list):
        return json.dumps(value, separators=(",", ":")).replace('"', "") == wanted.replace(" ", "")
    for each in wanted.split(","):
        if isinstance(value, bool) or value is None:
            if each.strip().lower() == {True: "true", False: "false", None: "null"}[value]:
                return True
        elif isinstance(value, int | float):
            try:
                if float(each) == value:
                    return True
            except ValueError:
                continue
        elif str(value) == each.strip():
            return True
    return False


def where(rows: Iterable[Row], texts: Sequence[str]) -> list[Row]:
    """The runs for which all conditions hold. What a summary can answer is asked first, as it costs least."""
    rows = list(rows)
    conditions = [Condition.parse(text) for text in texts]
    for condition in conditions:
        check_key(rows, condition.key)
    known = {*rows[0].plain, *(tag for row in rows for tag in row.metrics)} if rows else set()
    for condition in sorted(conditions, key=lambda each: each.key not in known):
        rows = [row for row in rows if condition.holds(row)]
    return rows


# sorting


def directions(rows: Iterable[Row]) -> dict[str, str]:
    """A metric's name, without its split -> `max` or `min`: as the runs' own goals say, or as is known of it."""
    named = {row.goal.rpartition("/")[2]: row.mode for row in rows if row.goal and row.mode}
    return KNOWN | named


def ordered(rows: Sequence[Row], key: str | None, reverse: bool = False) -> list[Row]:
    """By a key: best first where it has a direction, otherwise smallest first. Runs without a value stay last."""
    if key is None:
        return list(reversed(rows)) if reverse else list(rows)
    toward = directions(rows)
    places = [(place(row, key, toward), row) for row in rows]
    present = [(found, row) for found, row in places if found is not None]
    present.sort(key=lambda each: each[0], reverse=reverse)
    return [row for _, row in present] + [row for found, row in places if found is None]


def place(row: Row, key: str, toward: dict[str, str]) -> tuple[int, str, float, str] | None:
    """Where a run stands in the order; None for no value, and for one that is not finite."""
    value = row.get(key)
    number = finite(value)
    if number is not None:
        # Perplexity and accuracy can't be compared: `best` puts one goal after the other.
        goal = str(row.goal) if key == "best" else ""
        mode = row.mode if key == "best" else toward.get(key.rpartition("/")[2]) if "/" in key else None
        return 0, goal, -number if mode == "max" else number, ""
    if value is ABSENT or value is None or isinstance(value, float):
        return None
    return 1, "", 0.0, str(value)
