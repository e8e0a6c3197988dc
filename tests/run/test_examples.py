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


QUOTED = 'area,city\n1,"Ro\nme"\n2,Rome\n3,"a ""b"" c"\n' + "".join(f"{n},Oslo\n" for n in range(4, 40))


@pytest.mark.parametrize("content", [QUOTED, f"\n{QUOTED}", QUOTED.rstrip("\n"), QUOTED.replace(",", ";")])
def test_a_table_without_end_is_read_in_pieces(
    content: str, typed: Callable[[bytes], list[examples.Given]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is read whole, also where a cell has a line end; each row has its number in the whole."""
    whole = typed(content.encode())
    monkeypatch.setattr(examples, "BLOCK", 5)
    monkeypatch.setattr(examples, "PIECE", 30)
    assert typed(content.encode()) == whole and len(whole) == 39 and whole[0].row["city"] == "Ro\nme"
    assert whole[-1].where == "standard input, row 39"
    with pytest.raises(UserError, match=r"line \d has 3 fields, and the header has 2. This is behind row \d\d"):
        typed(f"{content.rstrip()}\n1{';' if ';' in content else ','}2{';' if ';' in content else ','}3\n".encode())


def test_a_table_without_names_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, "".join(f"{n},{n + 0.5}\n" for n in range(50)).encode())
    os.close(writing)
    monkeypatch.setattr(examples, "PIECE", 30)
    monkeypatch.setattr(examples, "BLOCK", 11)
    columns = tuple(Column(f"column_{n}", "number", 1.0) for n in (1, 2))
    schema = Schema({"in_features": 2, "outputs": 1}, "table", "number", columns=columns)
    with os.fdopen(reading) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        found = [each.row["column_1"] for some in examples.chunks(["-"], schema) for each in some]
    assert found == [str(n) for n in range(50)]


def test_a_line_that_is_no_text_is_named_and_the_others_are_done(
    typed: Callable[[bytes], list[examples.Given]],
) -> None:
    found = typed(f"{ROW}\n".encode() + bytes(range(1, 9)) * 8 + b"\xff\n" + f"{ROW}\n".encode())
    assert [type(each.example) for each in found] == [dict, UserError, dict]
    assert str(found[1].example) == "standard input, line 2 is no text in any known encoding."


def test_a_line_that_does_not_end_is_refused(
    typed: Callable[[bytes], list[examples.Given]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "LARGEST_TEXT", 1000)
    monkeypatch.setattr(examples, "BLOCK", 64)
    with pytest.raises(UserError, match="A line of standard input has more than 1,000 bytes"):
        typed(b"{" + b"x" * 5000)


@pytest.mark.parametrize("text", ["good " * 200, "good " * 200 + ".csv", "good " * 200 + ".txt", "~nobody is good"])
def test_a_text_longer_than_any_name_is_a_text(text: str) -> None:
    assert not examples.many(text)
    (found,) = next(examples.chunks([text], TEXT))
    assert found.example == text


def test_a_text_of_a_folder_that_can_not_be_read_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("good")
    (tmp_path / "gone.txt").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    os.mkfifo(tmp_path / "pipe.txt")
    found = [each for some in examples.chunks([str(tmp_path)], TEXT) for each in some]
    names = {Path(each.where).name: each.example for each in found}
    assert names.pop("good.txt") == "good" and len(names) == 3
    assert all(isinstance(each, UserError) for each in names.values())


@pytest.mark.parametrize("content", ["", "\n\n", " \r\n"])
def test_a_stream_without_examples_has_no_answers(content: str, typed: Callable[[bytes], list[examples.Given]]) -> None:
    assert typed(content.encode()) == []


def test_a_row_that_can_not_be_read_is_named_and_the_others_are_done(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    path.write_text(f'{ROW}\n{{"area": {{"x": 1}}, "city": "Rome"}}\nno JSON\n\n{ROW}\n')
    found = [each for some in examples.chunks([str(path)], TABLE) for each in some]
    assert [each.where.rpartition(", ")[2] for each in found] == ["line 1", "line 2", "line 3", "line 5"]
    x, problems = rows.encoded([each.example for each in found], COLUMNS)  # type: ignore[misc]
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
