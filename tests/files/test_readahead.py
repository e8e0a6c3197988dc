"""A mapped file: what is read, also of one that memory does not hold, and what is asked for ahead."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dlrun import memory
from dlrun.files.readahead import opened

SIZE = 90_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "x").write_bytes(np.random.default_rng(0).bytes(SIZE))
    return tmp_path / "x"


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32"])
@pytest.mark.parametrize("room", [10, 10**12, None])
def test_it_is_what_the_file_holds_however_much_memory_there_is(
    room: int | None, kind: str, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: room)
    values, read_ahead = opened(file, kind)
    assert (read_ahead is None) == (room != 10)
    if read_ahead is not None:
        read_ahead([0, len(values) - 7, 70, 70], 7)  # the first and the last, whose pages end with the file
        read_ahead([], 7)
    before = file.read_bytes()
    assert values.dtype == kind and values.tobytes() == before
    torch.from_numpy(values)[3:99].zero_()  # a copy of that page: the file is as it was
    assert file.read_bytes() == before


def test_a_file_without_a_value_or_with_half_of_one(file: Path) -> None:
    for content in (b"", b"abc"):
        file.write_bytes(content)
        with pytest.raises(ValueError):
            opened(file, "int16")
