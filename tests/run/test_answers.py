"""Answers to many examples: as a record, a line, or a file whose columns the first answer tells."""

import csv
import json
from pathlib import Path

import pytest

from dlrun.errors import UserError
from dlrun.run import answers
from dlrun.run.answers import Answered
from dlrun.run.examples import Given

PROBLEM = UserError("There is no column city.")


def answered(name: str, answer: list[tuple[str, float]] | UserError) -> Answered:
    return Answered(Given(f"new.csv, row {name}", name, {"id": name}), answer)


@pytest.mark.parametrize(
    ("answer", "record", "line"),
    [
        ([("value", 0.5)], {"prediction": 0.5}, "value 0.5"),
        ([("value 1", 0.5), ("value 2", 2.0)], {"prediction 1": 0.5, "prediction 2": 2.0}, "value 1 0.5, value 2 2"),
        (
            [("cat", 0.75), ("dog", 0.25)],
            {"prediction": "cat", "probability": 0.75, "probabilities": {"cat": 0.75, "dog": 0.25}},
            "cat 0.75, dog 0.25",
        ),
        (PROBLEM, {"error": "There is no column city."}, "There is no column city."),
    ],
)
def test_an_answer_as_a_record_and_as_a_line(
    answer: list[tuple[str, float]] | UserError, record: dict[str, object], line: str
) -> None:
    found = answered("a", answer)
    assert found.record() == {"id": "a", **record} and found.line() == f"new.csv, row a: {line}"


def test_a_file_has_the_columns_of_the_first_answer(tmp_path: Path) -> None:
    """Errors before it wait for it; classes stand in one order, whichever is the likeliest."""
    found = [
        answered("a", PROBLEM),
        answered("b", [("dog", 0.75), ("cat", 0.25)]),
        answered("c", [("cat", 0.5), ("dog", 0.5)]),
    ]
    assert answers.write(tmp_path / "out.csv", iter(found), []) == (3, 1)
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert list(rows[0]) == ["id", "prediction", "probability", "p(cat)", "p(dog)", "error"]
    assert rows[0] == {"id": "a", **dict.fromkeys(list(rows[0])[1:-1], ""), "error": str(PROBLEM)}
    assert rows[1] == {
        "id": "b",
        "prediction": "dog",
        "probability": "0.75",
        "p(cat)": "0.25",
        "p(dog)": "0.75",
        "error": "",
    }
    assert answers.write(tmp_path / "out.TSV", iter(found), []) == (3, 1)
    assert (tmp_path / "out.TSV").read_text().splitlines()[2].split("\t")[:2] == ["b", "dog"]
    assert answers.write(tmp_path / "out.jsonl", iter(found), []) == (3, 1)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert lines == [each.record() for each in found]


def test_of_many_classes_only_the_likeliest_has_a_column(tmp_path: Path) -> None:
    many = [(f"class {number}", 1 / 51) for number in range(51)]
    answers.write(tmp_path / "out.csv", iter([answered("a", many)]), [])
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == "id,prediction,probability,error"


def test_no_example_is_a_file_without_rows(tmp_path: Path) -> None:
    assert answers.write(tmp_path / "out.csv", iter([]), []) == (0, 0)
    assert answers.write(tmp_path / "out.jsonl", iter([]), []) == (0, 0)
    assert (tmp_path / "out.jsonl").read_text() == ""


def test_what_is_read_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("a,b\n")
    (tmp_path / "link.csv").symlink_to("new.csv")
    for name in ("new.csv", "link.csv"):
        with pytest.raises(UserError, match=f"^--to .*/{name} is what is read. Name another file.$"):
            answers.write(tmp_path / name, iter([]), ["-", str(tmp_path / "new.csv")])
    with pytest.raises(UserError, match="out.txt: answers are written to .csv, .tsv, .jsonl.$"):
        answers.write(tmp_path / "out.txt", iter([]), [])
    assert (tmp_path / "new.csv").read_text() == "a,b\n"


def test_a_failure_in_the_midst_leaves_the_file_of_before(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("of before\n")

    def fails():  # type: ignore[no-untyped-def]
        yield answered("a", [("value", 1.0)])
        raise UserError("row b can't be read")

    with pytest.raises(UserError, match="row b"):
        answers.write(tmp_path / "out.csv", fails(), [])
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"out.csv": "of before\n"}
