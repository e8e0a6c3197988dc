"""Stand-ins: written once and only whole, and made again where they are no longer what was made."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from runs import Run

from dlrun.files import stand_ins

CONTENT = b"all of it, from the first byte to the last\n" * 1000


def test_a_stand_in_is_written_once_and_only_whole(root):
    calls = []

    def write(folder: Path) -> None:
        calls.append(folder)
        (folder / "a.txt").write_bytes(CONTENT)
        if len(calls) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stand_ins.stand_in("d", stand_ins.StandIn("1", write, {}))
    folder, digests = stand_ins.stand_in("d", stand_ins.StandIn("1", write, {}))
    assert stand_ins.stand_in("d", stand_ins.StandIn("1", write, {})) == (folder, digests)
    assert folder == root / "stand-in" / "d-1" and len(calls) == 2
    assert digests == {"a.txt": hashlib.sha256(CONTENT).hexdigest()}


def test_a_damaged_stand_in_is_made_again(root) -> None:
    def write(folder: Path) -> None:
        (folder / "a.txt").write_bytes(CONTENT)
        (folder / "b.txt").write_bytes(b"b")

    folder, digests = stand_ins.stand_in("d", stand_ins.StandIn("1", write, {}))
    damages: list[Callable[[], object]] = [
        lambda: (folder / "a.txt").write_bytes(CONTENT[:-1] + b"X"),
        lambda: (folder / "a.txt").write_bytes(b""),
        lambda: (folder / "b.txt").unlink(),
        lambda: (folder / stand_ins.MADE).unlink(),
        lambda: (folder / stand_ins.MADE).write_text("{"),
        lambda: (folder / stand_ins.MADE).write_text('{"a.txt": 5}'),
        lambda: shutil.rmtree(folder),
        lambda: folder.rename(folder.with_name("gone")).with_name(folder.name).write_text("a file"),
        lambda: folder.joinpath("a.txt").rename(folder / "c.txt").with_name("a.txt").mkdir(),
    ]
    for number, damage in enumerate(damages):
        damage()
        assert stand_ins.stand_in("d", stand_ins.StandIn("1", write, {})) == (folder, digests), number
        assert (folder / "a.txt").read_bytes() == CONTENT, number
    (folder / "a.txt").unlink()
    os.mkfifo(folder / "a.txt")
    assert stand_ins.stand_in("d", stand_ins.StandIn("1", write, {})) == (folder, digests)


def test_a_damaged_stand_in_changes_no_training(cli, root, tmp_path) -> None:
    """As was seen: one digit of a file changed, and a new run trained on it without a word."""
    arguments = ("data=airfoil", "stand_in=always", "trainer.max_steps=1")
    assert cli(*arguments, "folder=one")[0] == 0
    (path,) = (root / "stand-in/airfoil-1").glob("*.dat")
    path.write_bytes(path.read_bytes().replace(b"1", b"7", 1))
    assert cli(*arguments, "folder=two")[0] == 0
    one, two = (Run(tmp_path / name).summary for name in ("one", "two"))
    assert one["data"] == two["data"] and one["metrics"].get("train/loss") == two["metrics"].get("train/loss")


def test_each_version_has_a_folder_of_its_own(root: Path) -> None:
    folders = [stand_ins.stand_in("d", stand_ins.StandIn(version, lambda folder: None, {}))[0] for version in "12"]
    assert folders == [root / "stand-in/d-1", root / "stand-in/d-2"]
