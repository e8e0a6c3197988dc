"""The user's own files and folders: found by what was typed, read up to a limit; each mistake is one message."""

import os
from pathlib import Path

import pytest

from dlrun.data import labelled
from dlrun.errors import UserError
from dlrun.files import own
from dlrun.pictures import find
from dlrun.text import pieces


def test_a_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    assert own.file(str(tmp_path / "a.csv"), "data.path") == tmp_path / "a.csv"
    assert own.folder(str(tmp_path), "data.path") == tmp_path
    for found, path, said in (
        (own.file, tmp_path, "is a folder, and one file is expected."),
        (own.file, tmp_path / "pipe", "is no plain file."),
        (own.folder, tmp_path / "a.csv", "is a file, and a folder is expected."),
    ):
        with pytest.raises(UserError) as error:
            found(str(path), "data.path")
        assert str(error.value) == f"data.path={path} {said}"


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.csv").write_text("x")
    assert own.there("~/a.csv", "data.path") == tmp_path / "a.csv"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("houses.cvs", " Did you mean houses.csv?"),
        (".hid", " Possible: houses.csv"),
        ("a\0b", ""),
        ("x" * 5000, ""),
    ],
)
def test_what_is_not_there_is_said_with_what_is_near(tmp_path: Path, name: str, hint: str) -> None:
    for each in ("houses.csv", ".hidden.csv"):
        (tmp_path / each).write_text("x")
    with pytest.raises(UserError) as error:
        own.there(str(tmp_path / name), "data.path")
    assert f" there is no such file or folder.{hint}" in str(error.value)
    assert ".hidden" not in str(error.value) and len(str(error.value)) < 500


@pytest.mark.parametrize("content", [b"", b" \n\t\r", b"\0" * 100])
def test_an_empty_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(UserError, match="a is empty."):
        own.read(tmp_path / "a", 100)


def test_a_limit_is_what_may_be_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert own.read(tmp_path / "a", 5) == b"12345"
    with pytest.raises(UserError, match="a has more than 4 bytes, which is the most that is read here."):
        own.read(tmp_path / "a", 4)
    with pytest.raises(UserError, match="b can't be read: No such file or directory."):
        own.read(tmp_path / "b", 4)


def test_a_large_files_digest_is_that_of_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 100_000)
    assert own.digest_of(tmp_path / "a") == own.digest(b"abc" * 100_000)


def test_two_files_of_one_name_go_by_their_paths() -> None:
    found = own.by_name([(Path("a/x.csv"), "1"), (Path("b/x.csv"), "2"), (Path("y.csv"), "3")])
    assert found == {"x.csv": "1", "b/x.csv": "2", "y.csv": "3"}


def test_messages_begin_with_the_file() -> None:
    with pytest.raises(UserError, match="^a.csv: It is wrong.$"), own.named("a.csv"):
        raise UserError("It is wrong.")


def written(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


def test_the_first_files_of_a_folder_are_seen_those_above_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/b/deep.txt", "a/inner.txt", "top.txt", ".hidden.txt", ".git/hidden.txt"):
        written(tmp_path / name)
    found = [(inner, Path(path).name) for inner, path in own.some_below(tmp_path)]
    assert found == [(False, "top.txt"), (True, "inner.txt"), (True, "deep.txt")]
    for number in range(50):
        written(tmp_path / f"many/{number}.dat")
    monkeypatch.setattr(own, "ENOUGH", 5)
    assert sum("many" in path for _, path in own.some_below(tmp_path)) == 5
    monkeypatch.setattr(own, "MOST_SEEN", 4)
    assert len(list(own.some_below(tmp_path))) <= 4


def test_folders_that_are_links_are_seen_and_circles_end(tmp_path: Path) -> None:
    written(tmp_path / "elsewhere/daisy.txt")
    (tmp_path / "data/train").mkdir(parents=True)
    (tmp_path / "data/train/daisy").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/gone").symlink_to(tmp_path / "nowhere")
    assert {Path(path).name for _, path in own.some_below(tmp_path / "data")} == {"daisy.txt", "again", "gone"}


@pytest.mark.parametrize("kind", ["text", "labelled", "images"])
def test_a_folder_of_something_else_is_refused_and_not_listed_whole(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its few files of the kind are hardly what was meant."""
    monkeypatch.setattr(own, "MOST_OTHERS", 50)
    suffix = ".png" if kind == "images" else ".txt"
    for number in range(60):
        written(tmp_path / f"a/{number}.dat")
    for number in range(4):
        written(tmp_path / f"a/{number}{suffix}")
    what = "picture" if kind == "images" else "text"
    with pytest.raises(UserError, match=f"has \\d {what}s? among the first \\d+ files: it is no folder of {what}s."):
        {
            "text": lambda: pieces.find(str(tmp_path), "data.path", None),
            "labelled": lambda: labelled.of_folder(tmp_path, None),
            "images": lambda: find.of_folder(tmp_path, 0),
        }[kind]()
    monkeypatch.setattr(own, "MOST_OTHERS", 65)
    assert len(pieces.texts_below(tmp_path)) == (0 if kind == "images" else 4)
