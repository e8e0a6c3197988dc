"""A description for a person: what is read, then columns, classes and examples, each as a table."""

from __future__ import annotations

from dlrun import console
from dlrun.describe.record import Description, Part
from dlrun.describe.tokens import Tokens
from dlrun.tabular.columns import Seen
from dlrun.terminal.plain import amount, number

MOST_ROWS = 40  # columns of a file, or classes, that are listed
FEW = 6  # names up to which an example is a row of its table; more stand one below the other
CELL = 100  # characters of an example
ORIGIN = {
    "own": "yours",
    "upstream": "as published",
    "stand-in": "a made-up STAND-IN",
    "generated": "generated",
}


def show(found: Description) -> None:
    console.table(f"{found.data}, {ORIGIN[found.source]}", ["what", "is"], facts(found))
    if found.columns:
        rows = [column_row(each, found.target) for each in found.columns]
        names, rows = filled(["column", "holds", "values", "mean", "missing", "different"], rows)
        listed("columns", names, rows, need=["column", "holds", "values", "missing", "mean", "different"])
        if odd := [odd_row(each) for each in found.columns if each.odd]:
            listed("odd values, which count as gaps", ["column", "is no", "rows", "such as"], odd)
    if found.classes:
        parts = list(found.classes[0].parts)
        rows = [
            [each.label, f"{each.count:,}", f"{each.share:.1%}", *(f"{each.parts[name]:,}" for name in parts)]
            for each in found.classes
        ]
        listed("classes", ["class", "examples", "share", *parts], rows)
    if found.examples:
        examples([{name: cut(value) for name, value in each.items()} for each in found.examples])
    if found.task is None:
        such = found.likeliest or "data.target=COLUMN"
        console.say(f"type what is to be predicted, such as {such}, to see the split and the classes")


def listed(title: str, names: list[str], rows: list[list[str]], need: list[str] | None = None) -> None:
    more = len(rows) - MOST_ROWS
    console.table(title, names, rows[:MOST_ROWS], need or names)
    if more > 0:
        console.out(f"and {more:,} more; --json has all")


def filled(names: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Without columns that say nothing of any row."""
    kept = [at for at in range(len(names)) if any(row[at] for row in rows)]
    return [names[at] for at in kept], [[row[at] for at in kept] for row in rows]


# what is told once


def facts(found: Description) -> list[list[str]]:
    total = sum(part.examples for part in found.parts.values())
    what = {"table": "rows", "image": "pictures", "text": "texts", "pair": "pairs", "function": "examples"}[
        found.inputs
    ]
    rows = [["read", line.removeprefix("reading ")] for line in found.said]
    if found.parts and not found.is_stream:
        rows.append([what, f"{total:,}"])
    if len(found.parts) > 1 and not found.is_stream:
        rows.append(["split", ", ".join(f"{name} {part.examples:,}" for name, part in found.parts.items())])
    rows += [
        ["target", f"{each.name}: {span(each.low, each.high)}, mean {number(each.mean)}"]
        for each in found.numbers[:FEW]
    ]
    if len(found.numbers) > FEW:
        rows.append(["target", f"… {len(found.numbers):,} in all"])
    if found.task is None:
        rows.append(["target", "none was named. " + candidates(found.targets)])
    if found.texts:
        rows.append(["texts", f"{', '.join(found.texts)}: to read one type data=labelled data.text={found.texts[0]}"])
    if found.shape:
        rows.append(["size", sizes(found)])
    if any(part.tokens for part in found.parts.values()):
        rows.append(["tokens", ", ".join(tokens_of(name, part) for name, part in found.parts.items())])
    for each in found.tokens:
        rows += of_tokens(each, len(found.tokens) > 1)
    if found.twice is not None and len(found.parts) > 1:
        rows.append(["duplicates", twice(found)])
    rows += [["note", found.note]] if found.note else []
    return rows + [[f"models, {task}", ", ".join(names)] for task, names in found.models.items()]


def candidates(targets: dict[str, str]) -> str:
    """`These would do: diagnosis (classify), price, area (regress)`"""
    by_task: dict[str, list[str]] = {}
    for name, task in targets.items():
        by_task.setdefault(task, []).append(name)
    shown = [f"{', '.join(names[:8])}{' …' * (len(names) > 8)} ({task})" for task, names in sorted(by_task.items())]
    return f"These columns would do: {'; '.join(shown)}" if shown else "No column would do."


def sizes(found: Description) -> str:
    channels, height, width = found.shape.values()
    kind = {1: "grey", 3: "RGB"}.get(channels, f"{channels} channels")
    kept = f"{width} x {height}, {kind}"
    if not found.pictures:
        return kept
    files = dict.fromkeys(f"{wide} x {high}" for high, wide in found.pictures.values())
    return f"{' to '.join(files)} in the files, read as {kept}"


def tokens_of(name: str, part: Part) -> str:
    tokens = part.tokens or 0
    return f"{name} {tokens:,}" + (f" ({part.unknown / tokens:.1%} unknown)" if part.unknown else "")


def of_tokens(each: Tokens, several: bool) -> list[list[str]]:
    of = f" of {each.of}" if several else ""
    frequent = ", ".join(f"{token!r} {share:.1%}" for token, share in each.frequent)
    rows = [[f"vocabulary{of}", f"{amount(each.size, each.unit.removesuffix('s'))}"], [f"most frequent{of}", frequent]]
    if each.lengths:
        lengths = ", ".join(f"{name} {length:,}" for name, length in each.lengths.items())
        rows.append([f"length{of}", f"{lengths}, in {each.unit}"])
    return rows


def twice(found: Description) -> str:
    """What is measured on examples that are trained on is too good."""
    assert found.twice is not None
    held = ", ".join(f"{count:,} of {part}" for part, count in found.twice.items() if count)
    return f"trained on as well: {held}; results on them are too good" if held else "none across the split"


# columns


def column_row(each: Seen, target: str | None) -> list[str]:
    holds = "the target" if each.name == target else "left out" if each.left_out else str(each.kind)
    frequent = [f"{value} {rows:,}" for value, rows in each.frequent]
    more = ["…"] if frequent and len(frequent) < each.different else []
    values = each.left_out if holds == "left out" else ", ".join(frequent + more)
    mean = "" if each.mean is None else number(each.mean)
    counts = [f"{count:,}" if count else "" for count in (each.gaps, each.different)]
    return [each.name, holds, values or span(each.low, each.high), mean, *counts]


def odd_row(each: Seen) -> list[str]:
    such = ", ".join(f"{value!r} in row {row:,}" for row, value in each.odd)
    return [each.name, str(each.kind), f"{each.odd_count:,}", such]


def span(low: float | str | None, high: float | str | None) -> str:
    """`0.5 to 12`; of dates the first and the last one."""
    if low is None or high is None:
        return ""
    return " to ".join(each if isinstance(each, str) else number(each) for each in (low, high))


# examples


def cut(value: str) -> str:
    return value if len(value) <= CELL else f"{value[: CELL - 1]}…"


def examples(rows: list[dict[str, str]]) -> None:
    """A row each; of many names a column each, which leaves none of them out."""
    names = list(rows[0])
    if len(names) <= FEW:
        console.table("examples", names, [[row[name] for name in names] for row in rows])
        return
    numbers = [str(at + 1) for at in range(len(rows))]
    listed("examples", ["column", *numbers], [[name, *(row[name] for row in rows)] for name in names])
