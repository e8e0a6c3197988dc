"""A table before a target was named: which columns would do, and which hold sentences."""

from pathlib import Path

import polars as pl
import pytest

from dlrun.describe.survey import is_text, survey
from dlrun.errors import UserError


def test_columns_that_would_do_and_the_task_of_each(tmp_path: Path) -> None:
    lines = ["id,area,rooms,town,built,note,unit"]
    lines += [f"H{n},{n * 1.5},{n % 4},{'ab'[n % 2]},2001-02-{n % 28 + 1:02},see also no {n},m2" for n in range(200)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    found = survey(str(tmp_path / "t.csv"), None)
    assert (found.path, found.rows, found.told) == (tmp_path / "t.csv", 200, ())
    assert found.targets == {"area": "regress", "rooms": "classify", "town": "classify"}
    assert found.texts == ("note",)
    assert [each.name for each in found.overview.columns] == lines[0].split(",")
    assert [each["id"] for each in found.overview.examples] == ["H0", "H40", "H80", "H120", "H160"]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["one two three", "a b c d"], True),
        (["New York City", "Los Angeles"], False),
        ([None, None], False),
        (["a  b   c"], True),
    ],
)
def test_sentences_have_several_words(values: list, found: bool) -> None:
    assert is_text(pl.Series(values, dtype=pl.String)) == found


def test_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="data=table needs a file"):
        survey(None, None)
    with pytest.raises(UserError, match="there is no such file"):
        survey(str(tmp_path / "t.csv"), None)
