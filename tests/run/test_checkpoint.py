"""A checkpoint's file: whole or refused, and the newest whole one is found."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from dlrun.errors import UserError
from dlrun.run import checkpoint
from dlrun.store.kept import Unreadable

WEIGHTS = {"w": torch.arange(300.0)}


def state(step: int) -> dict[str, Any]:
    return {"model": WEIGHTS, "trainer": {"step": step}}


def kept(run: Path, name: str) -> int | None:
    """The step that the checkpoint of this name says."""
    found = checkpoint.load(run, name)
    return None if found is None else checkpoint.trained(found)


def test_what_is_saved_comes_back_and_the_one_of_before_is_kept(tmp_path: Path) -> None:
    assert checkpoint.load(tmp_path, "last") is None and not checkpoint.exists(tmp_path, "last")
    for step in (1, 2, 3):
        checkpoint.save(tmp_path, "last", state(step), keep="previous")
    assert (kept(tmp_path, "last"), kept(tmp_path, "previous")) == (3, 2)
    found = checkpoint.load(tmp_path, "last")
    assert found is not None and found["format"] == 1
    assert torch.equal(found["model"]["w"], WEIGHTS["w"])  # type: ignore[index]
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["last.pt", "previous.pt"]


def test_a_bit_that_flipped_is_seen(tmp_path: Path) -> None:
    """torch.load would answer with other weights."""
    checkpoint.save(tmp_path, "last", state(1))
    path = tmp_path / "checkpoints/last.pt"
    content = bytearray(path.read_bytes())
    at = bytes(content).index(WEIGHTS["w"].numpy().tobytes()) + 100
    content[at] ^= 1
    path.write_bytes(content)
    assert not torch.equal(torch.load(path, weights_only=True)["model"]["w"], WEIGHTS["w"])
    with pytest.raises(Unreadable, match=r"last.pt is damaged and can't be loaded \(the checksum of .* is wrong\).$"):
        checkpoint.load(tmp_path, "last")


def packed() -> bytes:
    """A part that unpacks to a thousand times its size."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10**6))
    return buffer.getvalue()


def saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is damaged and can't be loaded (File is not a zip file)."),
        (packed(), "is damaged and can't be loaded (archive/data.pkl is packed)."),
        (saved([1]), "is no checkpoint of dlrun."),
        (saved({"format": 1}), "is no checkpoint of dlrun: it has no weights."),
        (saved({"format": "1", "model": {}}), "is no checkpoint of dlrun: it has no weights."),
        (saved({"format": 2, "model": {}}), "has format 2, and this dlrun reads 1: a newer dlrun made it."),
        (saved({"format": 1, "model": {}, "x": Path("a")}), "is damaged and can't be loaded (UnpicklingError)."),
    ],
)
def test_what_is_none_is_refused(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(content)
    with pytest.raises(UserError) as caught:
        checkpoint.read(tmp_path, "a.pt")
    assert str(caught.value).startswith(f"{tmp_path}/a.pt {said}")


def test_the_newest_whole_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no checkpoint to go on from. To train anew: dlrun rerun"):
        checkpoint.newest(tmp_path)
    checkpoint.save(tmp_path, "best", state(1))
    with pytest.raises(
        UserError, match="has no checkpoints/last.pt: .* To go on from the best one, at step 1: dlrun res"
    ):
        checkpoint.newest(tmp_path)  # it would lose steps without a word
    checkpoint.save(tmp_path, "previous", state(2))
    name, _, damaged = checkpoint.newest(tmp_path)
    assert (name, damaged) == ("previous", [f"{tmp_path}/checkpoints/last.pt is missing."])
    checkpoint.save(tmp_path, "last", state(3))
    assert checkpoint.newest(tmp_path)[0] == "last" and checkpoint.newest(tmp_path)[2] == []
    for each in ("last", "previous"):
        (tmp_path / f"checkpoints/{each}.pt").write_bytes(b"")
    name, found, damaged = checkpoint.newest(tmp_path)
    assert (name, checkpoint.trained(found), len(damaged)) == ("best", 1, 2)
    (tmp_path / "checkpoints/best.pt").write_bytes(b"")
    with pytest.raises(UserError, match="last.pt is damaged.* There is no other one to go on from"):
        checkpoint.newest(tmp_path)


@pytest.mark.parametrize("trainer", [None, {}, {"step": "two"}, 5])
def test_a_step_that_a_strangers_checkpoint_does_not_say(trainer: object) -> None:
    assert checkpoint.trained({"trainer": trainer}) == 0
