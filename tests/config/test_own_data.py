"""What is typed about data of the user's own, made whole before Hydra reads it."""

import os
from pathlib import Path

import pytest

from dlrun.config import own_data
from dlrun.errors import UserError

TABLE = "area,price,city\n" + "".join(f"{n % 7},{n * 2.5},w{n % 3}\n" for n in range(40))
PICKED = ["task=regress", "model=mlp", "task.metrics=[mse,mae,r2]", "task.units=own"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Houses twice, a book, and a folder of nothing that is data."""
    monkeypatch.chdir(tmp_path)
    for name in ("houses.csv", "more.csv", "my houses.csv"):
        (tmp_path / name).write_text(TABLE)
    (tmp_path / "book.txt").write_text("It was a dark night.\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.pdf").touch()
    return tmp_path


def test_a_file_picks_reader_task_model_and_what_is_reported(here: Path) -> None:
    words = ["data=houses.csv", "data.target=price", "optim.lr=0.1"]
    table = ["data=table", f"data.path={here}/houses.csv"]
    assert own_data.expanded(words) == [*table, *words[1:], *PICKED]
    assert own_data.expanded(["data='my houses.csv'", "data.target=price"]) == [
        *("data=table", f"data.path='{here}/my houses.csv'", "data.target=price"),
        *PICKED,
    ]
    assert own_data.expanded(["data=book.txt"]) == ["data=text", f"data.path={here}/book.txt", "model=lstm"]


def test_what_is_typed_stays(here: Path) -> None:
    typed = ["data=houses.csv", "data.target=price", "model=linear", "task=classify", "task.metrics=[top5]"]
    assert own_data.expanded(typed)[2:] == typed[1:]
    said = ["experiment=mine", "data=table", f"data.path={here}/houses.csv"]
    assert own_data.expanded(["experiment=mine", "data=houses.csv"]) == said  # it says all the rest itself
    for other in (["model=lstm", "data=ptb"], ["data=flowers"], ["data="], ["-m", "data=ptb,imdb"], ["--help"], []):
        assert own_data.expanded(other) == other


def test_paths_are_those_of_any_working_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    typed = ["data=table", "++data.path=houses.csv", "data.val_path=~/more.csv", "data.test_path=null", "task=regress"]
    made = own_data.expanded(typed)
    assert made[1:4] == [f"++data.path={here}/houses.csv", f"data.val_path={here}/more.csv", "data.test_path=null"]


def test_a_choice_of_ones_own_is_no_file(here: Path) -> None:
    """`data=houses.csv` where --config-dir has a houses.csv.yaml."""
    (here / "conf/data").mkdir(parents=True)
    (here / "conf/data/houses.csv.yaml").touch()
    for flags in (["--config-dir", "conf"], ["--config-dir=conf"], ["-cd", "conf"]):
        assert own_data.expanded(["data=houses.csv", *flags]) == ["data=houses.csv", *flags]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("data=houses.csv data.path=more.csv", "data=houses.csv names a file, and data.path=… does, too."),
        ("data=other", "data=other: the folder has no pictures and no texts."),
        ("data=other/notes.pdf", "data=other/notes.pdf: which kind of file is it? Type data=table, images, text,"),
        ("data=house.csv", "data=house.csv: there is no such file or folder. Did you mean houses.csv"),
        ("data=houses.csv,book.txt", "data=houses.csv,book.txt are for several readers: data=table, data=text."),
        ("data.path=houses.csv", "data.path is for data of your own. Type data=houses.csv in its place"),
        ("data.val_path=houses.csv", "data.val_path is for data of your own. Type data=FILE in its place"),
        ("data=houses.csv target=price", "There is no key target. Type data.target=price"),
        ("data=houses.csv data.target=price,city", "data.target=price,city: some are classes and others numbers."),
    ],
)
def test_a_mistake_is_told_before_hydra_reads_it(typed: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        own_data.expanded(typed.split())
    assert str(caught.value).startswith(said)


def test_a_sweep_over_files_or_targets_is_of_the_task_that_they_ask_for() -> None:
    for typed in (
        ["data=houses.csv,more.csv", "data.target=city"],
        ["data=table", "data.path=houses.csv,more.csv", "data.target=city"],
        ["data=houses.csv", "data.target=city,city"],
    ):
        made = own_data.expanded(["-m", *typed])
        assert "task=classify" in made and "model=mlp" in made and "data=table" in made
        paths = next(each for each in made if each.startswith("data.path=")).partition("=")[2].split(",")
        assert all(Path(each).is_absolute() and Path(each).is_file() for each in paths)


def test_a_folder_is_looked_at_as_far_as_needed(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a disk full of files the first thousand folders are enough; hidden ones are nobody's data."""
    (here / "mixed/.cache").mkdir(parents=True)
    (here / "mixed/.cache/x.txt").touch()
    (here / "mixed/.a.png").touch()
    (here / "mixed/b.TXT").touch()
    assert own_data.reader_of_folder(here / "mixed") == "labelled"  # a folder within it has texts
    os.unlink(here / "mixed/.cache/x.txt")
    assert own_data.reader_of_folder(here / "mixed") == "text"
    monkeypatch.setattr(own_data, "ENOUGH", 3)
    for number in range(9):
        (here / f"wide/{number}").mkdir(parents=True)
    assert len(list(own_data.entries(here / "wide"))) == 0
