"""What is typed about data of the user's own, made whole before Hydra reads it."""

import subprocess
import sys
from pathlib import Path

import pytest
from own_files import CLASSES, IMAGES, NUMBERS, TABLE, flowers, saved  # noqa: F401 - a fixture
from readers import written

from dlrun.config import own_data
from dlrun.config.own_data import reader_of_folder
from dlrun.errors import UserError
from dlrun.files import own

HOUSES = "area,price,city\n" + "".join(f"{n % 7},{n * 2.5},w{n % 3}\n" for n in range(40))
PICKED = ["task=regress", "model=mlp", "task.metrics=[mse,mae,r2]", "task.units=own"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Houses twice, a book, and a folder of nothing that is data."""
    monkeypatch.chdir(tmp_path)
    for name in ("houses.csv", "more.csv", "my houses.csv"):
        (tmp_path / name).write_text(HOUSES)
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


@pytest.mark.parametrize(
    ("names", "reader"),
    [
        (("rose/a/b/1.png", "rose/1.txt", "1.txt"), "images"),
        (("good/1.txt", "1.png", "1.txt"), "labelled"),
        (("1.png", "1.txt", "labels/1.json"), "images"),
        (("1.txt", "notes/1.json"), "text"),
    ],
)
def test_the_reader_is_told_from_what_lies_where(names: tuple[str, ...], reader: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    assert reader_of_folder(folder) == reader


def test_a_folder_without_pictures_and_texts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.dat").touch()
    with pytest.raises(UserError, match="has no pictures and no texts. .* one file: data=FILE.csv data.target=COLUMN"):
        reader_of_folder(folder)
    (folder / "my houses.csv").touch()
    with pytest.raises(UserError, match=f"one file: data='{folder}/my houses.csv' data.target=COLUMN"):
        reader_of_folder(folder)
    monkeypatch.setattr(own, "MOST_SEEN", 20)
    monkeypatch.setattr(own, "ENOUGH", 20)
    with pytest.raises(UserError, match="no texts among the 20 files that were looked at"):
        reader_of_folder(folder)


def test_a_path_picks_the_reader_that_fits_what_is_in_it(tmp_path: Path) -> None:
    written(tmp_path / "folder/good/1.txt", "text")
    written(tmp_path / "books/1.txt", "text")
    for name, content, wanted in (
        ("a.txt", "any", "text"),
        ("a.csv", "id,text,label\n1,A fine film,good\n", "labelled"),
        ("b.csv", "a,b\n1,2\n", "table"),
        ("a.tsv", "Go.\tVa !\tby: 1\nHi.\tSalut !\tby: 2\n", "pairs"),
        ("b.tsv", "en\tfr\nGo on.\tVas-y.\n", "pairs"),
    ):
        assert own_data.reader_of_file(written(tmp_path / name, content), []) == wanted, name
    assert own_data.reader_of_folder(tmp_path / "folder") == "labelled"
    assert own_data.reader_of_folder(tmp_path / "books") == "text"


def test_the_task_is_told_without_torch(tmp_path: Path) -> None:
    saved(tmp_path / "table.npz", x=TABLE, y=NUMBERS)
    saved(tmp_path / "image.safetensors", x=IMAGES, y=CLASSES)
    code = (
        "import sys; from dlrun.config.own_data import expanded;"
        f"print(expanded(['data={tmp_path}/table.npz']), expanded(['data={tmp_path}/image.safetensors']));"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "'task=regress', 'model=mlp'" in done.stdout and "'task=classify_images', 'model=smallresnet'" in done.stdout
    words = own_data.expanded([f"data={tmp_path}/table.npz", "task=classify"])
    assert "model=mlp" in words and "task=regress" not in words
    typed = [f"data={tmp_path}/image.safetensors", "task=classify_images"]
    assert "model=smallresnet" in own_data.expanded(typed)


def test_a_table_of_pictures_is_told_from_other_tables(flowers: Path, tmp_path: Path) -> None:  # noqa: F811
    table = tmp_path / "labels.csv"
    for text, typed, reader in (
        ("label;file\nrose;flowers/rose/rose1.png\n", [], "images"),
        ("label,file\nrose,flowers/rose/rose1.png\n", ["data.target=label"], "images"),
        ("label,file\nrose,nowhere.png\n", ["data.target=label"], "table"),
        ("label,width\nrose,3\n", [], "table"),
    ):
        table.write_text(text)
        assert own_data.with_reader(f"data={table}", typed)[0] == f"data={reader}"
    assert own_data.with_reader(f"data={flowers}", [])[0] == "data=images"
