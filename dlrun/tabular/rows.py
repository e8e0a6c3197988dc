"""Rows of a table to be answered, each as it stood in the file that was trained on."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from dlrun.errors import UserError
from dlrun.tabular.columns import Column
from dlrun.tabular.columns import encoded as encoded_frame
from dlrun.tabular.read import json_object, word
from dlrun.terminal.plain import amount

if TYPE_CHECKING:
    import polars as pl


def encoded(
    examples: Sequence[str | Mapping[str, object]], columns: Sequence[Column]
) -> tuple[np.ndarray, dict[int, str]]:
    """(N, F) of the rows that can be read, and why the others can't be: place -> a sentence.

    A row is a mapping of column to value in any order, JSON of it, or the values as in a CSV in the order of `columns`.
    A column that no row has is missing in each.
    """
    problems: dict[int, str] = {}
    rows: list[Mapping[str, object]] = []
    for place, example in enumerate(examples):
        try:
            rows.append(plain(example) if isinstance(example, Mapping) else typed_row(example, columns))
        except UserError as error:
            problems[place] = str(error)
            rows.append({})
    try:
        x, wrong = encoded_frame(frame_of(rows, columns), columns)
    except UserError as error:
        width = sum(column.width for column in columns)
        return np.zeros((0, width), np.float32), {**dict.fromkeys(range(len(rows)), str(error)), **problems}
    problems = {**{place: f"{said}." for place, said in wrong.items()}, **problems}
    readable = np.ones(len(rows), dtype=bool)
    readable[list(problems)] = False
    return x[readable], problems


def plain(row: Mapping[str, object]) -> Mapping[str, object]:
    """The row itself. UserError where a value is a list or an object."""
    if nested := next((key for key, value in row.items() if isinstance(value, list | dict | tuple)), None):
        raise UserError(f"{nested} is a list or an object, and a plain value is expected.")
    return row


def typed_row(text: str, columns: Sequence[Column]) -> Mapping[str, str | None]:
    """`{"area": 31, "city": "Rome"}`, or `31,Rome`."""
    if text.lstrip().startswith("{"):
        return json_object(text, "The row")
    values = next(csv.reader([text]), [])
    if len(values) != len(columns):
        names = [column.name for column in columns]
        shown = ",".join(names[:12]) + ",…" * (len(names) > 12)
        raise UserError(
            f"{text[:60]!r} is not {amount(len(columns), 'value')}. Type {shown}, or a file with such columns."
        )
    return {column.name: value.strip() or None for column, value in zip(columns, values, strict=True)}


def frame_of(rows: Sequence[Mapping[str, object]], columns: Sequence[Column]) -> pl.DataFrame:
    """All values as words; a column that no row has is left out."""
    import polars as pl

    there = {name: None for row in rows for name in row}
    names = [column.name for column in columns if column.name in there] if rows else [column.name for column in columns]
    others = {} if len(names) == len(columns) else {name: [None] * len(rows) for name in there}  # for a near name
    values = others | {name: [word(row.get(name)) for row in rows] for name in names}
    return pl.DataFrame(values, schema=dict.fromkeys(values, pl.String))
