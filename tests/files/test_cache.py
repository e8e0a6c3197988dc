"""Prepared tensors: made once for each key, made again where damaged, and not missed where nothing can be kept."""

import os
from pathlib import Path

import pytest
import torch

from dlrun.files.cache import prepared


def test_damaged_prepared_tensors_are_made_again(root) -> None:
    made = []

    def make() -> dict:
        made.append(1)
        return {"x": torch.arange(1000), "vocab": "a b"}

    def same() -> bool:
        answer = prepared("d", {"file": "1"}, make)
        return torch.equal(answer["x"], torch.arange(1000)) and answer["vocab"] == "a b"

    assert same() and same() and len(made) == 1
    (path,) = (root / "prepared").glob("d-*.pt")
    whole = path.read_bytes()
    other = prepared("d", {"file": "2"}, lambda: {"x": torch.zeros(1)})
    (valid,) = set((root / "prepared").glob("d-*.pt")) - {path}
    assert torch.equal(other["x"], torch.zeros(1))
    places = range(0, len(whole), len(whole) // 40)  # all over the file: its first line, the zip's headers, the values
    damaged = [whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :] for place in places]
    damaged += [whole[:place] for place in places]
    damaged += [whole + b"x", valid.read_bytes(), whole[whole.index(b"\n") + 1 :], b"\0" * len(whole)]
    for number, content in enumerate(damaged, start=2):
        path.write_bytes(content)
        assert same() and len(made) == number
    path.unlink()
    os.mkfifo(path)
    assert same() and path.read_bytes() == whole
    assert {left.name for left in path.parent.iterdir() if left.suffix not in (".pt", ".lock")} == {".lock"}


def test_each_key_is_prepared_by_itself(root: Path) -> None:
    first: dict[str, object] = {"file": "a", "seed": 0}
    assert prepared("d", first, lambda: {"seed": 0}) == {"seed": 0}
    assert prepared("d", first | {"seed": 1}, lambda: {"seed": 1}) == {"seed": 1}
    turned = dict(reversed(first.items()))
    assert prepared("d", turned, lambda: pytest.fail("read again")) == {"seed": 0}
    assert len(list((root / "prepared").glob("d-*.pt"))) == 2


def test_another_files_content_does_not_count(root: Path) -> None:
    """Its digest is of its name, too: a file that was renamed is made again."""
    prepared("d", {"n": 1}, lambda: {"n": 1})
    (path,) = (root / "prepared").glob("d-*.pt")
    prepared("d", {"n": 2}, lambda: {"n": 2})
    (other,) = set((root / "prepared").glob("d-*.pt")) - {path}
    other.replace(path)
    assert prepared("d", {"n": 1}, lambda: {"n": 1}) == {"n": 1}


def test_nothing_fails_where_nothing_can_be_kept(root: Path) -> None:
    root.mkdir()
    (root / "prepared").write_text("in the way")
    assert prepared("d", {}, lambda: {"x": 7}) == {"x": 7}
    with pytest.raises(ValueError, match="mine"):  # what the reading itself raises is no matter of keeping
        prepared("d", {}, lambda: int("mine"))  # type: ignore[arg-type, return-value]
