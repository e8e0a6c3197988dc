"""Which reader a folder of the user's own gets, and what is said of one that no reader fits."""

from pathlib import Path

import pytest

from dlrun.config.own_data import reader_of_folder
from dlrun.errors import UserError
from dlrun.files import own


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
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert reader_of_folder(tmp_path) == reader


def test_a_folder_without_pictures_and_texts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        (tmp_path / f"{number}.dat").touch()
    with pytest.raises(UserError, match="has no pictures and no texts. .* one file: data=FILE.csv data.target=COLUMN"):
        reader_of_folder(tmp_path)
    (tmp_path / "my houses.csv").touch()
    with pytest.raises(UserError, match=f"one file: data='{tmp_path}/my houses.csv' data.target=COLUMN"):
        reader_of_folder(tmp_path)
    monkeypatch.setattr(own, "MOST_SEEN", 20)
    monkeypatch.setattr(own, "ENOUGH", 20)
    with pytest.raises(UserError, match="no texts among the 20 files that were looked at"):
        reader_of_folder(tmp_path)
