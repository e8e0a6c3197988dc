"""A table of the user's own before a target was named: its columns, and which of them would do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dlrun.data import table
from dlrun.data.base import Overview
from dlrun.errors import UserError
from dlrun.files import own
from dlrun.tabular import columns as reading
from dlrun.tabular import targets as suggested
from dlrun.tabular.read import read

if TYPE_CHECKING:
    import polars as pl

SPACES = 2.0  # between words, in the mean of a column of sentences


class Survey(NamedTuple):
    """`targets`: column that would do -> the task that it makes; `likeliest` is one of them.

    `texts`: columns of sentences, for data=labelled.
    """

    path: Path
    rows: int
    overview: Overview
    targets: dict[str, str]
    likeliest: suggested.Likely | None
    texts: tuple[str, ...]
    told: tuple[str, ...]


def survey(path: str | None, encoding: str | None) -> Survey:
    """UserError for what is no table."""
    place = own.file(table.files(path, None, None)["data.path"], "data.path")
    found = read(place, encoding)
    seen = tuple(reading.look(found.frame[name]) for name in found.frame.columns)
    targets = {}
    for each in seen:
        if each.kind in ("number", "category"):
            try:
                target, _ = table.target_of(found.frame[each.name], each.name, "")
            except UserError:  # nothing to tell apart, too many classes
                continue
            targets[each.name] = "classify" if target.labels else "regress"
    texts = tuple(each.name for each in seen if each.left_out and is_text(found.frame[each.name]))
    overview = Overview(columns=seen, examples=tuple(reading.examples(found.frame)))
    likeliest = suggested.likeliest(found.frame)
    return Survey(place, found.frame.height, overview, targets, likeliest, texts, found.told)


def is_text(series: pl.Series) -> bool:
    """Whether its values have several words each."""
    spaces = reading.words(series).str.count_matches(r"\s+").mean()
    return isinstance(spaces, float) and spaces >= SPACES
