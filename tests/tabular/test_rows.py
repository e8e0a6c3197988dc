"""Rows to be answered: in any form they are read as they stood in the file."""

import json
from pathlib import Path

import polars as pl
import pytest
from options import options

from dlrun.data import table
from dlrun.errors import UserError
from dlrun.tabular import columns, rows
from dlrun.tabular.columns import Column

READ = (Column("area", "number", fill=7.0), Column("town", "category", categories=("a", "b")))


def test_a_row_is_read_as_it_stood_in_the_file(houses: Path) -> None:
    read = table.load(**options("data/table", path=str(houses), target="price")).schema.columns
    frame = pl.read_csv(houses, infer_schema=False)
    assert read is not None
    x = columns.encoded(frame, read)[0]
    again, problems = rows.encoded(frame.reverse().select(sorted(frame.columns)).to_dicts(), read)
    assert not problems and (again[::-1] == x).all()
    first = frame.row(0, named=True)
    typed = ",".join(str(first[column.name]) for column in read)
    made, problems = rows.encoded([typed, json.dumps(first), {**first, "area": "huge"}, "1,2"], read)
    assert len(made) == 2 and (made == x[0]).all()
    assert problems[2] == "area: 'huge' is no number." and "is not 4 values. Type area,city,zip,built" in problems[3]


def test_values_of_any_type_are_words() -> None:
    x, problems = rows.encoded([{"area": 2, "town": "b"}, {"area": 2.0}, '{"area": null, "town": "a"}', " 2 ,"], READ)
    assert problems == {} and x.tolist() == [[2, 0, 1], [2, 0, 0], [7, 1, 0], [2, 0, 0]]


def test_what_can_not_be_read_is_said_of_each_row() -> None:
    x, problems = rows.encoded(["1,a", {"area": [1], "town": "a"}, "{broken", '{"area": {}}'], READ)
    assert x.tolist() == [[1, 1, 0]]
    assert problems == {
        1: "area is a list or an object, and a plain value is expected.",
        2: "The row is no JSON: Expecting property name enclosed in double quotes.",
        3: "The row: area is a list or an object, and a plain value is expected.",
    }


def test_a_column_that_no_row_has_is_missing_in_each() -> None:
    x, problems = rows.encoded([{"area": 1, "twn": "a"}, {"area": 2}, "1,2,3"], READ)
    assert x.shape == (0, 3) and problems[0] == problems[1]
    assert problems[0].startswith("There is no column town. Did you mean twn?")
    assert "is not 2 values. Type area,town" in problems[2]


def test_values_are_typed_as_in_a_csv() -> None:
    assert rows.typed_row('"1,5", b ', READ) == {"area": "1,5", "town": "b"}
    many = [Column(f"c{n}", "number") for n in range(20)]
    with pytest.raises(UserError, match="is not 20 values. Type c0,c1,.*,c11,…, or a file with such columns."):
        rows.typed_row("1", many)
