"""Tokens in a mapped file: written once for each key, and made again where anything of them is not as it was."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from dlrun.errors import DataError
from dlrun.files import mapped
from dlrun.files.mapped import Facts, Hashed

IDS = np.arange(1000, dtype=np.int16)


class Maker:
    """Counts how often it is asked."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, file: Hashed) -> Facts:
        self.times += 1
        for piece in np.split(IDS, 10):
            file.write(piece)
        return {"vocab": "", "type": "int16", "tokens": [1000], "characters": 1000, "different": 10, "sha256": {}}


def read(make: Maker, **key: object) -> tuple[np.ndarray, Path]:
    facts, path = mapped.mapped("text", key, make, "a text")
    return np.memmap(path, dtype=facts["type"], mode="r"), path


def test_it_is_written_once_for_each_key(root: Path) -> None:
    make = Maker()
    for seed in (0, 1, 0):
        ids, path = read(make, seed=seed)
        assert (ids == IDS).all() and path.parent.parent == root / "prepared"
    assert make.times == 2
    assert sorted(each.name for each in path.parent.iterdir()) == [".lock", "facts.json", "ids"]


def test_what_is_damaged_is_made_again(root: Path) -> None:
    make = Maker()
    _, path = read(make)
    facts, content = path.with_name("facts.json"), path.read_bytes()
    changed = bytearray(content)
    changed[500] ^= 1
    damages: list[Callable[[], object]] = [
        lambda: path.write_bytes(b""),
        lambda: path.write_bytes(changed),  # of the same size
        lambda: path.unlink(),
        lambda: facts.write_text("{"),
        lambda: facts.write_text('{"type": "int16"}'),
        lambda: facts.unlink(),  # a process was killed before it had written them
        lambda: path.rename(path.with_name(f".ids.{'0' * 16}.tmp")),  # it was killed before
    ]
    for number, damage in enumerate(damages, 2):
        damage()
        assert (read(make)[0] == IDS).all() and make.times == number
        assert sorted(each.name for each in path.parent.iterdir()) == [".lock", "facts.json", "ids"]


def test_another_keys_folder_does_not_count(root: Path) -> None:
    make = Maker()
    first, second = (read(make, seed=seed)[1].parent for seed in (0, 1))
    for each in second.iterdir():
        each.unlink()
    second.rmdir()
    first.rename(second)
    read(make, seed=1)
    assert make.times == 3


def test_a_folder_that_can_not_be_written(root: Path) -> None:
    root.mkdir()
    (root / "prepared").write_text("in the way")
    with pytest.raises(DataError, match="can not be used: .* Make room there, or set DLRUN_DATA="):
        read(Maker())
