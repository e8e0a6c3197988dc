"""Columns to numbers: what each holds is told from its values, and later rows are read alike."""

import datetime

import numpy as np
import polars as pl
import pytest

from dlrun.errors import UserError
from dlrun.tabular.columns import Column, classes, encoded, evenly, in_order, is_class, look, measured, words

TOWNS = [*"aabab"] * 20


def series(values: list, name: str = "x") -> pl.Series:
    return pl.Series(name, values)


@pytest.mark.parametrize(
    ("values", "kind", "left_out"),
    [
        ([f"{n / 4}" for n in range(100)], "number", ""),
        ([f"{n}" for n in range(95)] + ["huge"] * 5, "number", ""),  # 95 % are enough
        ([f"{n}" for n in range(94)] + ["huge", "big"] * 3, "category", ""),
        ([f"{n % 5:02}" for n in range(100)], "category", ""),  # 01 is a code
        ([f"2024-01-{n % 28 + 1:02}" for n in range(100)], "date", ""),
        ([f"{n % 28 + 1:02}.01.2024" for n in range(100)], "date", ""),
        (TOWNS, "category", ""),
        ([None, ""] * 50, None, "no value"),
        (["EU", " EU "] * 50, None, "always EU"),
        ([f"H{n:03}" for n in range(100)], None, "all different"),
        ([f"{n}" for n in range(1, 101)], None, "all different"),  # row numbers
        ([f"{n}" for n in range(7, 107)], "number", ""),  # those that begin elsewhere may be years
        ([f"word {n % 150}" for n in range(300)], None, "150 different texts"),
        ([n / 4 for n in range(100)], "number", ""),
        ([datetime.date(2024, 1, n % 28 + 1) for n in range(100)], "date", ""),
    ],
)
def test_what_a_column_holds(values: list, kind: str | None, left_out: str) -> None:
    found = look(series(values))
    assert (found.kind, found.left_out) == (kind, left_out)


def test_whole_numbers_that_are_all_different_are_left_out_under_the_name_of_an_identifier() -> None:
    values = [f"{n * n + 7}" for n in range(100)]
    names = ["id", "house_id", "Key", "No", "identity", "nation"]
    assert [look(series(values, name)).left_out for name in names] == ["all different"] * 4 + ["", ""]


def test_what_was_seen_of_a_column() -> None:
    seen = look(series([f"{n % 50}" for n in range(98)] + ["huge", ""]))
    assert (seen.gaps, seen.odd, seen.odd_count, seen.different) == (1, ((99, "huge"),), 1, 51)
    assert (seen.low, seen.high) == (0, 49) and seen.mean == pytest.approx(sum(n % 50 for n in range(98)) / 98)
    assert look(series(TOWNS)).frequent == (("a", 60), ("b", 40))


FRAME = pl.DataFrame({"area": ["1.5", "", "big"], "town": ["b", "c", None], "day": ["02.01.1970", "", "1.2"]})
READ = (
    Column("day", "date", fill=10.0, form="%d.%m.%Y"),
    Column("area", "number", fill=7.0),
    Column("town", "category", categories=("a", "b")),
)


def test_rows_by_hand() -> None:
    """A date is its day since 1970, its day of the year, its weekday: the second of 1970 was a Friday."""
    x, problems = encoded(FRAME, READ)
    assert x.dtype == np.float32 and x.tolist() == [
        [1, 2, 5, 1.5, 0, 1],
        [10, 11, 7, 7, 0, 0],  # gaps are filled, an unseen town is no town
        [10, 11, 7, 7, 0, 0],
    ]
    assert problems == {2: "day: '1.2' is no date"}
    assert [column.width for column in READ] == [3, 1, 2]
    assert [name for column in READ for name in column.names] == [
        *("day (day)", "day (of year)", "day (weekday)"),
        *("area", "town=a", "town=b"),
    ]


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(UserError, match="There is no column town. Did you mean down?"):
        encoded(FRAME.rename({"town": "down"}), READ)


def test_a_column_is_measured_in_the_training_part() -> None:
    numbers, towns = series(["1", "2", "30", ""]), series(["b", "a", None, "b"])
    assert measured(look(numbers), numbers) == Column("x", "number", fill=2.0)
    assert measured(look(towns), towns) == Column("x", "category", categories=("a", "b"))
    assert measured(look(numbers), numbers[:1]) is None and measured(look(towns), towns[:1]) is None


def test_values_of_typed_columns_are_as_they_would_be_typed() -> None:
    assert words(series([1.5, 2.0, None])).to_list() == ["1.5", "2.0", None]
    assert words(series([" a ", "", "b"])).to_list() == ["a", None, "b"]
    assert words(series([datetime.datetime(2024, 5, 1, 12)])).to_list() == ["2024-05-01 12:00:00"]


# targets


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["yes", "no"], True),
        (["0", "1"] * 50, True),
        ([f"{n % 20}" for n in range(400)], True),
        ([f"{n % 21}" for n in range(420)], False),
        ([f"{n % 20}" for n in range(399)], False),  # less than 20 rows each
        (["0.5", "1"] * 50, False),
    ],
)
def test_whether_a_target_names_classes(values: list[str], found: bool) -> None:
    assert is_class(series(values)) == found


def test_spellings_of_a_class_are_one_named_by_the_most_frequent() -> None:
    numbers, labels, told = classes(series(["Yes", "yes ", "YES", "yes", "no", None, "new  york", "New York"]))
    assert labels == ["New York", "no", "yes"] and numbers.to_list() == [2, 2, 2, 2, 1, None, 0, 0]
    assert told == ["yes and YES and Yes are one class", "New York and new  york are one class"]


def test_labels_stand_in_the_order_of_numbers_then_words() -> None:
    assert sorted(["10", "b", "2", "a", "-1"], key=in_order) == ["-1", "2", "10", "a", "b"]
    assert classes(series([10.0, 2.0]))[1] == ["2", "10"]


@pytest.mark.parametrize(("count", "places"), [(0, []), (3, [0, 1, 2]), (5, [0, 1, 2, 3, 4]), (11, [0, 2, 4, 6, 8])])
def test_a_few_places_at_even_distances(count: int, places: list[int]) -> None:
    assert evenly(count) == places
