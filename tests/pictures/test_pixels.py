"""Pixels in a mapped file: what is read, also of a file that memory does not hold, and what is asked for ahead."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dlrun import memory
from dlrun.pictures.pixels import mapped

SHAPE = (50, 3, 20, 30)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "x.pixels").write_bytes(np.random.default_rng(0).bytes(int(np.prod(SHAPE))))
    return tmp_path / "x.pixels"


@pytest.mark.parametrize("room", [10, 10**12, None])
def test_it_is_what_the_file_holds_however_much_memory_there_is(
    room: int | None, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available", lambda: room)
    pixels, prefetch = mapped(file, SHAPE)
    prefetch(torch.tensor([0, 49, 7, 7]))  # the first and the last, whose pages end with the file
    prefetch(torch.tensor([], dtype=torch.int64))
    before = file.read_bytes()
    assert pixels.shape == SHAPE and pixels.tobytes() == before
    torch.from_numpy(pixels)[3].zero_()  # a copy of that page: the file is as it was
    assert file.read_bytes() == before


@pytest.mark.parametrize("shape", [(51, 3, 20, 30), (49, 3, 20, 30)])
def test_a_file_of_another_size(shape: tuple[int, ...], file: Path) -> None:
    with pytest.raises(ValueError):
        mapped(file, shape)
    file.write_bytes(b"")
    with pytest.raises(ValueError):
        mapped(file, shape)
