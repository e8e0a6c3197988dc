"""Which pictures there are and the label of each: of folders, of parts, of a table; what is refused in one message."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from options import options
from own_files import load_pictures, splits

from dlrun.data import images
from dlrun.errors import UserError
from dlrun.pictures import find
from dlrun.pictures.find import Pictures


def test_parts_as_folders_or_as_paths(flowers: Path, tmp_path: Path) -> None:
    for part in ("train", "Validation", "test"):
        shutil.copytree(flowers, tmp_path / "parts" / part)
    data = load_pictures(tmp_path / "parts")
    assert [len(part) for part in splits(data)] == [40, 40, 40]
    assert data.said[-1].startswith("exact copies of pictures that are trained on: 40 of val and 40 of test;")
    data = load_pictures(flowers, val_path=str(tmp_path / "parts" / "Validation"), test=0.0)
    assert [len(part) for part in splits(data)] == [40, 40] and data.test is None


def test_a_table_of_file_and_label(flowers: Path, tmp_path: Path) -> None:
    lines = ["picture,who,label"]
    for number, path in enumerate(sorted(flowers.rglob("*.png"))):
        lines.append(f"flowers/{path.parent.name}/{path.name},person{number // 4},{path.parent.name.title()}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    data = load_pictures(tmp_path / "labels.csv", group="who")
    assert data.schema.labels == ("Daisy", "Rose", "Tulip") and data.schema.column == "picture"
    assert sorted(len(part) for part in splits(data)) == [4, 4, 32]
    (tmp_path / "labels.csv").write_text("\n".join(line.replace("label", "kind") for line in lines))
    with pytest.raises(UserError, match=r"Type data.target=COLUMN. labels.csv has: picture, who, kind"):
        load_pictures(tmp_path / "labels.csv")
    assert load_pictures(tmp_path / "labels.csv", target="kind").schema.labels == ("Daisy", "Rose", "Tulip")
    with pytest.raises(UserError, match="data.file=pictures: labels.csv has no such column. Did you mean picture"):
        load_pictures(tmp_path / "labels.csv", file="pictures", target="kind")
    (tmp_path / "labels.csv").write_text("\n".join(lines[1:]))
    with pytest.raises(UserError, match="no header"):
        load_pictures(tmp_path / "labels.csv")


def test_a_file_for_a_folder_and_a_folder_for_a_file(flowers: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"daisy0.png is one picture"):
        load_pictures(flowers / "daisy" / "daisy0.png")
    with pytest.raises(UserError, match=r"data.path=.*flower: there is no such file or folder. Did you mean flowers"):
        load_pictures(tmp_path / "flower")
    with pytest.raises(UserError, match=r"data.target=label names a column of a table, and data.path=.* is a folder"):
        load_pictures(flowers, target="label")
    (tmp_path / "labels.csv").write_text("file,label\nno.png,a\nnot.png,b\n")
    with pytest.raises(UserError, match=r"no.png can't be read: there is no such file"):
        load_pictures(tmp_path / "labels.csv")
    with pytest.raises(UserError, match="Type data.path=FOLDER"):
        images.load(**options("data/images"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(flowers: Path) -> None:
    (flowers / "rose").chmod(0)
    try:
        with pytest.raises(UserError, match=r"Permission denied"):
            load_pictures(flowers)
    finally:
        (flowers / "rose").chmod(0o755)


def test_odd_names_are_labels_too(flowers: Path) -> None:
    (flowers / "rose").rename(os.fsdecode(os.fsencode(flowers) + b"/ro\xffse\n"))
    data = load_pictures(flowers)
    assert data.schema.labels is not None and "ro\\udcffse" in data.schema.labels
    torch.save(data.schema.state_dict(), flowers / "schema.pt")
    assert torch.load(flowers / "schema.pt", weights_only=True)["labels"] == data.schema.labels


# what is found, before any of it is read


def found(path: Path, **chosen: Any) -> Pictures:
    columns: dict[str, Any] = {"file": None, "target": None, "group": None, "encoding": None}
    return find.found(str(path), "data.path", 0, **(columns | chosen))


def touched(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_of_a_folder_everything_else_is_left_out_and_told(tmp_path: Path) -> None:
    touched(tmp_path, "a/1.PNG", "a/in/2.jpg", "a/notes.txt", "a/.hidden.png", "b/3.gif", "c/readme.md", "4.png")
    touched(tmp_path, ".d/5.png")
    (tmp_path / "a/loop").symlink_to(tmp_path)
    pictures = found(tmp_path)
    assert (pictures.names, pictures.labels) == (["a/1.PNG", "a/in/2.jpg", "b/3.gif"], ["a", "a", "b"])
    assert pictures.parts == [0, 0, 0] and pictures.paths[0] == str(tmp_path / "a/1.PNG")
    assert pictures.told == ["1 picture beside the folders left out", "2 other files left out", "c: no picture"]


def test_folders_of_parts_count_only_where_all_are(tmp_path: Path) -> None:
    touched(tmp_path, "train/a/1.png", "train/b/2.png", "dev/a/3.png", "TEST/b/4.png")
    pictures = found(tmp_path)
    assert dict(zip(pictures.names, pictures.parts, strict=True)) == {
        "TEST/b/4.png": 2,
        "dev/a/3.png": 1,
        "train/a/1.png": 0,
        "train/b/2.png": 0,
    }
    (tmp_path / "more").mkdir()
    assert {*found(tmp_path).labels} == {"train", "dev", "TEST"}  # four classes, then


def test_paths_of_a_table_are_below_its_folder_or_absolute(tmp_path: Path) -> None:
    lines = ["id,file,label", "1,in/a.png,x", "2,/abs/b.png,y", "3,,x", "4,c.png,"]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    pictures = found(tmp_path / "t.csv", group="id")
    assert pictures.paths == [str(tmp_path / "in/a.png"), "/abs/b.png"]
    assert (pictures.labels, pictures.groups, pictures.column) == (["x", "y"], ["1", "2"], "file")
    assert pictures.told == ["2 rows without a file or label left out"]


def test_a_lone_other_column_is_the_label_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("picture,breed\na.png,1\nb.png,2\n")
    assert found(tmp_path / "t.csv").labels == ["1", "2"]
    (tmp_path / "t.csv").write_text("picture,breed\na.png,\n")
    with pytest.raises(UserError, match="t.csv has no row with a file and a label."):
        found(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("name,breed\na,1\n")
    with pytest.raises(UserError, match="the pictures' files. Type data.file=COLUMN. t.csv has: name, breed"):
        found(tmp_path / "t.csv")
