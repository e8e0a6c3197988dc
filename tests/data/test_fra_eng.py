"""The whole set of pairs: read as published, or its first lines alone."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
from readers import chosen, stand_in

from dlrun.data import fra_eng
from dlrun.data.fr_en import EOS, PAD

pytestmark = pytest.mark.usefixtures("shared")


def words(data: Any) -> list[tuple[str, ...]]:
    """Each pair, as its tokens spell it."""
    sides = ((data.train.x, data.schema.vocab), (data.train.y, data.schema.target_vocab))
    texts = [[vocab.text(id for id in row if id not in (PAD, EOS)) for row in ids.tolist()] for ids, vocab in sides]
    return list(zip(*texts, strict=True))


def whole_set(folder: Path, text: str) -> Path:
    with zipfile.ZipFile(folder / fra_eng.FILE, "w") as archive:
        archive.writestr(fra_eng.MEMBER, text)
    return folder


def test_it_is_read_as_published(tmp_path: Path) -> None:
    """English first, a third column with the source, no-break spaces, and lines that are not whole."""
    folder = whole_set(tmp_path, "Go.\tVa !\tCC-BY\nHi.\tSalut\u202f!\nlonely\n\tvide\nRun!\tCours\xa0!\n")
    options = chosen(fra_eng, min_freq=1, val=0.0, test=0.0)
    assert words(fra_eng.load(folder, **options)) == [("va !", "go ."), ("salut !", "hi ."), ("cours !", "run !")]
    turned = fra_eng.load(folder, **(options | {"reverse": True}))
    assert words(turned)[0] == ("go .", "va !")


def test_only_the_first_lines_may_be_read(tmp_path: Path) -> None:
    folder = whole_set(tmp_path, "Go.\tVa !\nHi.\tSalut !\n" + "odd\n" * 50)
    options = chosen(fra_eng, min_freq=1, val=0.0, test=0.0)
    assert len(fra_eng.load(folder, **(options | {"max_pairs": 1})).train) == 1
    assert len(stand_in(fra_eng, max_pairs=100, val=0.0, test=0.0).train) == 100
