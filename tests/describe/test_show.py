"""How a description is shown: one line a fact, a row a column, and no more than fits."""

from dataclasses import replace
from typing import Any

import pytest

from dlrun.describe import show
from dlrun.describe.measure import Class, Number
from dlrun.describe.record import Description, Part
from dlrun.describe.tokens import Tokens
from dlrun.tabular.columns import Seen


def described(inputs: str = "table", **more: Any) -> Description:
    chosen: dict[str, Any] = {"task": "regress", "parts": {"train": Part(8000), "val": Part(1000)}} | more
    return Description("d", "own", inputs, **chosen)


def facts(found: Description) -> dict[str, str]:
    return {what: said for what, said in show.facts(found)}


def test_facts_of_a_table() -> None:
    numbers = [Number("price", 0.5, 2.25, 12.0)]
    found = facts(described(said=("reading d.csv: 9,000 rows",), numbers=numbers, note="nothing is held out"))
    assert found == {
        "read": "d.csv: 9,000 rows",
        "rows": "9,000",
        "split": "train 8,000, val 1,000",
        "target": "price: 0.5 to 12, mean 2.25",
        "note": "nothing is held out",
    }


def test_of_many_targets_a_few_are_told() -> None:
    rows = show.facts(described(numbers=[Number(f"y{n}", 0, 0, 0) for n in range(50)]))
    told = [said for what, said in rows if what == "target"]
    assert len(told) == show.FEW + 1 and told[-1] == "… 50 in all"


def test_a_stream_has_tokens_and_no_number_of_texts() -> None:
    tokens = [Tokens("words", 1200, [("the", 0.05)], "text", None)]
    parts = {"train": Part(1, 90_000, 0), "val": Part(1, 1000, 25)}
    assert facts(described("text", parts=parts, tokens=tokens)) == {
        "tokens": "train 90,000, val 1,000 (2.5% unknown)",
        "vocabulary": "1,200 words",
        "most frequent": "'the' 5.0%",
    }


def test_two_languages_are_told_apart() -> None:
    lengths = {"median": 5, "95 %": 9, "longest": 20}
    each = [Tokens("words", 10, [], of, lengths) for of in ("source", "target")]
    found = facts(described("pair", tokens=each))
    assert found["length of target"] == "median 5, 95 % 9, longest 20, in words" and "vocabulary of source" in found


@pytest.mark.parametrize(
    ("twice", "said"),
    [
        ({"val": 3, "test": 0}, "trained on as well: 3 of val; results on them are too good"),
        ({"val": 0, "test": 0}, "none across the split"),
    ],
)
def test_duplicates(twice: dict[str, int], said: str) -> None:
    assert facts(described(twice=twice))["duplicates"] == said


def test_pictures_in_the_files_and_as_they_are_read() -> None:
    shape = {"in_channels": 3, "height": 8, "width": 12}
    assert show.sizes(described("image", shape=shape)) == "12 x 8, RGB"
    pictures = {"smallest": [3, 4], "largest": [30, 40]}
    found = described("image", shape=shape, pictures=pictures)
    assert show.sizes(found) == "4 x 3 to 40 x 30 in the files, read as 12 x 8, RGB"


def test_columns_that_would_do_by_their_task() -> None:
    assert show.candidates({}) == "No column would do."
    many = {"town": "classify"} | {f"c{n}": "regress" for n in range(9)}
    assert show.candidates(many) == (
        "These columns would do: town (classify); c0, c1, c2, c3, c4, c5, c6, c7 … (regress)"
    )


def row_of(target: str | None = None, **more: Any) -> list[str]:
    return show.column_row(replace(Seen("a", "number", different=5), **more), target)


def test_a_row_of_a_column() -> None:
    assert row_of(low=0.0, high=2.5, mean=1.0) == ["a", "number", "0 to 2.5", "1", "", "5"]
    assert row_of(left_out="always EU", kind=None) == ["a", "left out", "always EU", "", "", "5"]
    towns = [("x", 3), ("y", 2)]
    assert row_of(kind="category", frequent=towns, gaps=1200) == ["a", "category", "x 3, y 2, …", "", "1,200", "5"]
    assert row_of(kind="category", frequent=towns, different=2)[2] == "x 3, y 2"
    assert row_of(kind="date", low="2001-01-01", high="2002-02-02")[2] == "2001-01-01 to 2002-02-02"
    assert row_of("a", left_out="always EU")[:3] == ["a", "the target", ""]


def test_columns_that_say_nothing_are_left_out() -> None:
    assert show.filled(["a", "b", "c"], [["1", "", ""], ["", "", "2"]]) == (["a", "c"], [["1", ""], ["", "2"]])


def test_all_of_it_on_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{f"c{n}": f"{n}" * 200 for n in range(7)}]
    show.show(described(classes=[Class(f"k{n}", 1, 0.02, {"train": 1}) for n in range(50)], examples=rows, task=None))
    shown, said = capsys.readouterr()
    assert (
        shown.startswith("d, yours")
        and "and 10 more; --json has all" in shown
        and "k39" in shown
        and "k40" not in shown
    )
    assert "c6" in shown and "6" * 99 + "…" in shown.replace("\n", "").replace(" ", "").replace("│", "")
    assert "such as data.target=COLUMN" in said
