"""What stands for examples: streams, files of odd forms, folders; what can't be read is named, the others are done."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.data.base import Schema
from dlrun.errors import UserError
from dlrun.run import examples
from dlrun.run.answers import Answered
from dlrun.tabular import rows
from dlrun.tabular.columns import Column

COLUMNS = (Column("area", "number", 1.0), Column("city", "category", categories=("Oslo", "Rome")))
TABLE = Schema({"in_features": 3, "outputs": 1}, "table", "number", columns=COLUMNS, target="price")
TEXT = Schema({"outputs": 2}, "text", "class", labels=("a", "b"), column="body")
ROW = '{"area": 10, "city": "Rome"}'


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], list[examples.Given]]:
    """What standard input that holds this becomes."""

    def given(content: bytes) -> list[examples.Given]:
        reading, writing = os.pipe()
        os.write(writing, content)
        os.close(writing)
        with os.fdopen(reading) as stream:
            monkeypatch.setattr("sys.stdin", stream)
            return [each for some in examples.chunks(["-"], TABLE) for each in some]

    return given


@pytest.mark.parametrize(
    "content",
    [
        ROW,
        f"{ROW}\n",
        f"\n \n{ROW}\r\n\n",
        f"\ufeff{ROW}\n",
        "area,city\n10,Rome",
        "area,city\n10,Rome\n",
        "\ufeffarea,city\r\n10,Rome\r\n",
        "\n\narea;city\n10;Rome",
    ],
)
def test_a_stream_is_read_to_its_end(content: str, typed: Callable[[bytes], list[examples.Given]]) -> None:
    found = [each.example for each in typed(content.encode())]
    assert len(found) == 1 and rows.encoded(found, COLUMNS)[0].tolist() == [[10, 0, 1]]  # type: ignore[arg-type]


def test_a_stream_of_several_blocks_loses_no_row(
    typed: Callable[[bytes], list[examples.Given]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "BLOCK", 7)
    content = "area,city\n" + "".join(f"{n},Rome\n" for n in range(99))
    assert [each.example["area"] for each in typed(content.encode())] == [str(n) for n in range(99)]  # type: ignore[index]


@pytest.mark.parametrize("content", ["", "\n\n", " \r\n"])
def test_a_stream_without_examples_has_no_answers(content: str, typed: Callable[[bytes], list[examples.Given]]) -> None:
    assert typed(content.encode()) == []


def test_a_row_that_can_not_be_read_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    path.write_text(f'{ROW}\n{{"area": {{"x": 1}}, "city": "Rome"}}\nno JSON\n\n{ROW}\n')
    found = [each for some in examples.chunks([str(path)], TABLE) for each in some]
    assert [each.where.rpartition(", ")[2] for each in found] == ["line 1", "line 2", "line 3", "line 5"]
    x, problems = rows.encoded([each.example for each in found], COLUMNS)
    assert x.tolist() == [[10, 0, 1]] * 2 and set(problems) == {1, 2}
    assert problems[1] == "area is a list or an object, and a plain value is expected."


def test_a_row_alone_that_lacks_a_column_is_an_error_of_its_own() -> None:
    """Whoever writes rows one by one to a stream is answered for the next one, too."""
    x, problems = rows.encoded([{"area": 1, "ctiy": "Rome"}], COLUMNS)
    assert x.shape == (0, 3) and problems == {0: "There is no column city. Did you mean ctiy? Possible: area, ctiy."}


def test_a_table_without_the_column_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("text,team\na b,it\nc d,it\n")
    for schema, message in (
        (TEXT, "new.csv has no column body"),
        (Schema(TEXT.sizes, "text", "class", labels=("a", "b")), "new.csv has text, team. Leave only the column"),
        (TABLE, "new.csv has no column area"),
    ):
        with pytest.raises(UserError, match=message):
            list(examples.chunks([str(path)], schema))


def test_a_folder_for_a_model_of_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder. Type a file"):
        list(examples.chunks([str(tmp_path)], TABLE))
    assert not examples.many("") and examples.many(str(tmp_path))


@pytest.mark.parametrize(
    "wrong",
    [
        Column("city", "date", 1e300, form="%Y-%m-%d"),
        Column("city", "date", 1e9, form="%Y-%m-%d"),
        Column("city", "date", float("nan"), form="%Y-%m-%d"),
        Column("city", "date", form="%Y" * 10_000),
        Column("city", "date", form=""),
        Column("city", "number", float("inf")),
    ],
)
def test_a_strangers_schema_says_no_dates_that_there_are_not(wrong: Column) -> None:
    """A form of its own could take any time to read, a date of the year 10^6 has no place in 64 bits."""
    width = 1 + wrong.width
    good = Schema({"in_features": 2, "outputs": 1}, "table", "number", columns=(COLUMNS[0], Column("n", "number")))
    assert Schema.from_state_dict(good.state_dict(), "x.pt").columns == good.columns
    spoilt = Schema({"in_features": width, "outputs": 1}, "table", "number", columns=(COLUMNS[0], wrong))
    with pytest.raises(UserError, match="x.pt has no schema that can be read"):
        Schema.from_state_dict(spoilt.state_dict(), "x.pt")


def test_a_label_with_controls_stays_on_its_line() -> None:
    given = examples.Given("a\nb", "a", {"input": "a"})
    assert Answered(given, [("\x1b[31mOslo\n", 0.75)]).line() == "a\\nb: \\x1b[31mOslo\\n 0.75"
