"""Folders of the user's own: seen as far as needed, and refused where they hold something else."""

from pathlib import Path

import pytest

from dlrun.data import labelled
from dlrun.errors import UserError
from dlrun.files import own
from dlrun.pictures import find
from dlrun.text import pieces


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
