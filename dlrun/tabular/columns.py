"""Columns of a table -> numbers: what each holds is told from its values, and kept, so that later rows are read alike.

A number stands for itself, a category is one-hot, a date is three numbers. A gap is filled with the training part's
median; an unseen category is all zeros. polars is imported here and in `read` only; no torch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from dlrun.errors import UserError, nearest

if TYPE_CHECKING:
    import polars as pl

MOSTLY = 0.95  # share of a column's values that make it numbers or dates; the others count as gaps, and are told
FEW = 100  # different words that are categories in any table; in a large one a tenth of its rows, up to MOST
MOST = 1000
DATES = (  # tried in this order
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
)
MOST_FREQUENT = 5  # values of a category that are told
LONGEST = 200  # characters of a value in an example
IDENTIFIER = re.compile(r"(^|[_\s-])(id|uuid|guid|key|index|no|nr)$", re.IGNORECASE)
Kind = Literal["number", "category", "date"]


@dataclass(frozen=True)
class Column:
    """How a column is read. `fill`: what a gap becomes, of a date in days since 1970. `form`: how dates are written."""

    name: str
    kind: Kind
    fill: float = 0.0
    categories: tuple[str, ...] = ()
    form: str = ""

    @property
    def width(self) -> int:
        """How many numbers it becomes."""
        return {"number": 1, "category": len(self.categories), "date": 3}[self.kind]

    @property
    def names(self) -> list[str]:
        if self.kind == "category":
            return [f"{self.name}={category}" for category in self.categories]
        return (
            [self.name]
            if self.kind == "number"
            else [f"{self.name} ({part})" for part in ("day", "of year", "weekday")]
        )


@dataclass(frozen=True)
class Seen:
    """What was seen of a column of the file: its kind, or `left_out` and why; `odd`: (row, value) of another kind.

    `low`, `mean` and `high` are those of numbers; of dates the first and the last one, as they are written.
    """

    name: str
    kind: Kind | None
    left_out: str = ""
    form: str = ""
    gaps: int = 0
    odd: tuple[tuple[int, str], ...] = ()
    odd_count: int = 0
    different: int = 0  # values
    low: float | str | None = None
    mean: float | None = None
    high: float | str | None = None
    frequent: tuple[tuple[str, int], ...] = ()  # of a category: the most frequent values, and in how many rows each is


def words(series: pl.Series) -> pl.Series:
    """As words without spaces around; "" is a gap. Numbers of a Parquet file as they would be typed."""
    import polars as pl

    if series.dtype.is_temporal():
        series = series.cast(pl.Datetime).dt.strftime(DATES[0])
    stripped = series.cast(pl.String).str.strip_chars()
    return stripped.replace("", None)


def numbers(series: pl.Series) -> pl.Series:
    """float64; null for a gap and for what is no finite number."""
    import polars as pl

    read = series if series.dtype.is_numeric() else words(series)
    found = read.cast(pl.Float64, strict=False)
    return pl.select(pl.when(found.is_finite()).then(found).otherwise(None)).to_series().alias(series.name)


def days(series: pl.Series, form: str) -> pl.Series:
    """Datetime; null for a gap and for what is not written in that form."""
    import polars as pl

    return words(series).str.to_datetime(form, strict=False, time_unit="us").cast(pl.Datetime("us"))


def look(series: pl.Series) -> Seen:
    """What a column holds."""
    text = words(series)
    there = text.drop_nulls()
    gaps, different = text.null_count(), there.n_unique()
    left_out = partial(Seen, series.name, None, gaps=gaps, different=different)
    if not len(there):
        return left_out("no value")
    if different == 1:
        return left_out(f"always {short(there[0])}")
    if is_identifier(series, there, different):
        return left_out("all different")
    if not bool(there.str.contains(r"^[+-]?0\d+$").any()):  # 01234 is a code, not a number
        read = numbers(series)
        if len(read.drop_nulls()) >= MOSTLY * len(there):
            return replace(with_odd(series.name, "number", "", text, read, gaps), different=different)
    for form in DATES:
        if len((read := days(series, form)).drop_nulls()) >= MOSTLY * len(there):
            return replace(with_odd(series.name, "date", form, text, read, gaps), different=different)
    if different > max(FEW, min(len(there) // 10, MOST)):
        return left_out(f"{different:,} different texts")
    frequent = there.value_counts(name="rows").sort("rows", there.name, descending=[True, False]).head(MOST_FREQUENT)
    return Seen(series.name, "category", gaps=gaps, different=different, frequent=tuple(frequent.iter_rows()))


def is_identifier(series: pl.Series, there: pl.Series, different: int) -> bool:
    """Each row another: row numbers, and words or whole numbers under such a name. They say nothing of a new row."""
    if different < len(series) or len(series) < 3:
        return False
    read = numbers(series).drop_nulls()
    whole = len(read) == len(series) and bool((read == read.round()).all())
    if not whole:
        return len(read) < MOSTLY * len(there) and not any(len(days(there, form).drop_nulls()) for form in DATES)
    counted = bool((read.diff().drop_nulls() == 1).all())
    return (counted and read[0] in (0, 1)) or bool(IDENTIFIER.search(series.name))


def with_odd(name: str, kind: Kind, form: str, text: pl.Series, read: pl.Series, gaps: int) -> Seen:
    places = (text.is_not_null() & read.is_null()).arg_true()
    odd = tuple((int(place) + 1, short(text[int(place)])) for place in places[:3])
    seen = Seen(name, kind, form=form, gaps=gaps, odd=odd, odd_count=len(places))
    if kind == "date":
        ends = [each.strftime(form) for each in (read.min(), read.max())]  # type: ignore[union-attr]
        return replace(seen, low=ends[0], high=ends[1])
    low, mean, high = (float(each) for each in (read.min(), read.mean(), read.max()))  # type: ignore[arg-type]
    return replace(seen, low=low, mean=mean, high=high)


def evenly(count: int, most: int = 5) -> list[int]:
    """Places of a few of `count`, at even distances: what lies in order of its classes shows more than one."""
    shown = min(count, most)
    return [at * count // shown for at in range(shown)]


def examples(frame: pl.DataFrame) -> list[dict[str, str]]:
    """A few rows as they stand in the file; "" is a gap."""
    rows = frame[evenly(len(frame))].iter_rows(named=True)
    return [{name: "" if value is None else str(value)[:LONGEST] for name, value in row.items()} for row in rows]


def short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 30 else f"{text[:29]}…"


def measured(seen: Seen, train: pl.Series) -> Column | None:
    """The column as the training part has it; None where that part holds nothing to tell rows apart by."""
    if seen.kind == "number":
        read = numbers(train).drop_nulls()
        return Column(seen.name, "number", float(read.median())) if read.n_unique() > 1 else None  # type: ignore[arg-type]
    if seen.kind == "date":
        read = days(train, seen.form).drop_nulls().dt.epoch("d").cast(float)
        return Column(seen.name, "date", float(read.median()), form=seen.form) if read.n_unique() > 1 else None  # type: ignore[arg-type]
    categories = tuple(sorted(words(train).drop_nulls().unique().to_list()))
    return Column(seen.name, "category", categories=categories) if len(categories) > 1 else None


# a table's rows -> what the model is given


def encoded(frame: pl.DataFrame, columns: Sequence[Column]) -> tuple[np.ndarray, dict[int, str]]:
    """(N, F) float32, and for each row that holds what can't be read why. Columns stand in any order.

    UserError for a column that is not there.
    """
    for column in columns:
        if column.name not in frame.columns:
            raise UserError(f"There is no column {column.name}. {nearest(column.name, frame.columns)}")
    made = np.zeros((frame.height, sum(column.width for column in columns)), dtype=np.float32)
    problems: dict[int, str] = {}
    begin = 0
    for column in columns:
        for place, value in fill_in(made[:, begin : begin + column.width], frame[column.name], column):
            problems.setdefault(place, f"{column.name}: {short(value)!r} is no {column.kind}")
        begin += column.width
    return made, problems


def fill_in(out: np.ndarray, series: pl.Series, column: Column) -> list[tuple[int, object]]:
    """Writes a column's numbers. Answers with the places of what is none of its kind, which are filled like gaps."""
    import polars as pl

    if column.kind == "category":
        text = words(series)
        codes = pl.DataFrame({"word": column.categories, "code": range(len(column.categories))})
        found = text.rename("word").to_frame().join(codes, on="word", how="left", maintain_order="left")["code"]
        rows = found.is_not_null().arg_true().to_numpy()
        out[rows, found.drop_nulls().to_numpy()] = 1
        return []
    if column.kind == "number":
        read = numbers(series)
        out[:, 0] = read.fill_null(column.fill).to_numpy()
    else:
        read = days(series, column.form)
        whole = read.fill_null(pl.lit(int(column.fill) * 86_400_000_000).cast(pl.Datetime("us")))
        out[:, 0] = (whole.dt.epoch("us").cast(pl.Float64) / 86_400e6).to_numpy()
        out[:, 1], out[:, 2] = whole.dt.ordinal_day().to_numpy(), whole.dt.weekday().to_numpy()
    text = words(series)
    return [(int(place), text[int(place)]) for place in (text.is_not_null() & read.is_null()).arg_true()]


# the target


def is_class(series: pl.Series) -> bool:
    """Whether a target's values are names of classes: words, or few whole numbers that many rows share."""
    if not are_numbers(series):
        return True
    read = numbers(series).drop_nulls()
    different = read.n_unique()
    return bool((read == read.round()).all()) and different <= 20 and different * 20 <= words(series).count()


def are_numbers(series: pl.Series) -> bool:
    return numbers(series).count() >= MOSTLY * words(series).count()


def classes(series: pl.Series) -> tuple[pl.Series, list[str], list[str]]:
    """(N,) numbers of classes, null for a gap; their names in order; what was put together.

    Spellings that differ in case or spaces alone are one class, named by the most frequent one.
    """
    import polars as pl

    text = words(series)
    if series.dtype.is_float():
        text = text.str.replace(r"\.0$", "")
    key = text.str.to_lowercase().str.replace_all(r"\s+", " ")
    counted = pl.DataFrame({"key": key, "text": text}).drop_nulls().group_by("key", "text").len()
    ordered = counted.sort("len", "text", descending=[True, False])
    names = dict(ordered.group_by("key", maintain_order=True).agg(pl.col("text").first()).iter_rows())
    merged = ordered.group_by("key", maintain_order=True).agg(pl.col("text")).filter(pl.col("text").list.len() > 1)
    told = [f"{' and '.join(each)} are one class" for each in merged["text"].to_list()]
    labels = sorted(names.values(), key=in_order)
    number = {key: labels.index(name) for key, name in names.items()} if len(labels) <= MOST * 10 else {}
    return key.replace_strict(number, default=None, return_dtype=pl.Int64), labels, told


def in_order(label: str) -> tuple[float, str]:
    """2 before 10, numbers before words."""
    try:
        return (float(label), label)
    except ValueError:
        return (float("inf"), label)
