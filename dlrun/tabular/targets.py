"""Which column of a table is likely the one to be predicted: simple rules, for what is suggested. No torch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from dlrun.errors import UserError
from dlrun.tabular import columns as reading
from dlrun.terminal.plain import quoted

if TYPE_CHECKING:
    import polars as pl

NAMES = (  # what a target is called, the likeliest first; a name such as sale_price counts by its last word
    *("target", "label", "class", "y", "outcome", "response", "category", "diagnosis", "species", "survived", "churn"),
    *("churned", "default", "fraud", "spam", "sentiment", "price", "quality", "rating", "score", "sales"),
)
LAST_WORDS = {  # of names of what says which or when
    *("id", "uuid", "guid", "key", "index", "no", "nr", "code", "name", "plz", "postcode", "zipcode"),
    *("date", "day", "month", "year", "time", "timestamp", "weekday", "hour"),
}
WORDS = {"zip", "postal", "phone"}  # the same, wherever they stand
ROWS = 10_000  # and columns, that are looked at
COLUMNS = 200


class Likely(NamedTuple):
    """A column, and why it is the likeliest: a few words."""

    name: str
    why: str

    def __str__(self) -> str:
        """`data.target=price (the likeliest, by its name)`; what a shell or Hydra would take apart is quoted."""
        value = self.name if re.fullmatch(r"[\w ./-]+", self.name) else f'"{self.name}"'
        return f"{quoted(f'data.target={value}')} (the likeliest, {self.why})"


class NoClasses(UserError):
    """A target of too many different values to be classes. What to type instead is said by who knows the table."""

    def __init__(self, name: str, different: int, rows: int):
        super().__init__(f"{name} has {different:,} different values in {rows:,} rows: those are no classes.")


def likeliest(frame: pl.DataFrame) -> Likely | None:
    """By its name, else the last column, else that of the fewest values; never an id, a zip, a date or a constant."""
    some = frame.head(ROWS)
    ranked = sorted((rank, name) for name in some.columns if (rank := rank_of(name)) is not None)
    if (named := next((name for _, name in ranked if would_do(some[name])), None)) is not None:
        return Likely(named, "by its name")
    if would_do(some[some.columns[-1]]):
        return Likely(some.columns[-1], "as the last column")
    if fewest := by_values(some):
        return Likely(fewest[0], "as it has the fewest values")
    return None


def labels(frame: pl.DataFrame, but: set[str]) -> list[str]:
    """Columns of classes, the one of the fewest values first."""
    some = frame.head(ROWS)
    return [name for name in by_values(some) if name not in but and reading.is_class(some[name])]


@contextmanager
def advised(frame: pl.DataFrame, target: str) -> Iterator[None]:
    """Around what may refuse a target of a table for its many values: numbers can be predicted as such."""
    try:
        yield
    except NoClasses as error:
        numbers = "; for numbers type task=regress" if reading.are_numbers(frame[target]) else ""
        raise UserError(f"{error} {others(frame, {target})}{numbers}") from error


def others(frame: pl.DataFrame, but: set[str]) -> str:
    """What to type instead of a target that has too many values."""
    found = labels(frame, but)[:3]
    return f"Pick another data.target{', such as ' if found else ''}{' or '.join(found)}"


def by_values(some: pl.DataFrame) -> list[str]:
    names = [name for name in some.columns[-COLUMNS:] if would_do(some[name])]
    return sorted(names, key=lambda name: some[name].n_unique())


def rank_of(name: str) -> tuple[int, int] | None:
    """Place of a name among NAMES, whole names first; None of a name that no target has."""
    whole = name.strip().lower()
    last = ([whole] if whole in NAMES else words_of(name))[-1:]
    return (int(last != [whole]), NAMES.index(last[0])) if last and last[0] in NAMES else None


def words_of(name: str) -> list[str]:
    """PatientID, patient_id -> patient, id"""
    split = re.sub(r"(?<=[^\W\d_])(?<![A-Z])(?=[A-Z])", "_", name)
    return [word for word in re.split(r"[\W_]+", split.lower()) if word]


def would_do(series: pl.Series) -> bool:
    """Whether it has numbers or classes that may be asked for, and is neither an id or zip nor part of a date."""
    words = words_of(series.name)
    if WORDS & set(words) or set(words[-1:]) & LAST_WORDS:
        return False
    seen = reading.look(series)
    if seen.kind == "number":
        return not seen.odd_count
    if seen.kind != "category" or bool(reading.words(series).str.contains(r"^0\d+$").any()):  # 01234 is a code
        return False
    return 2 * seen.different <= len(series) or len(series) <= 20
