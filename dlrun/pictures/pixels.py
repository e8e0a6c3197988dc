"""Pixels in a file that may be larger than memory: mapped, and asked for ahead of their use."""

import mmap
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from dlrun import memory

Prefetch = Callable[[Tensor], None]  # (B,) numbers of pictures that will be read soon


def mapped(path: Path, shape: Sequence[int]) -> tuple[np.ndarray, Prefetch]:
    """(M, C, H, W) uint8, copied on write, as torch wants to be able to. OSError, ValueError where it is not so large.

    A page that is not there is read with many around it (8 MB here, 128 kB elsewhere), which soon has all of a file
    that memory holds. Of a larger one, in random order, they are read in vain: it is read as asked, and what comes next
    is asked for all at once. 49,000 pictures of 64 x 64 a second came from the disk that gave 900 before.
    """
    with open(path, "rb") as file:
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    pixels = np.frombuffer(whole, np.uint8).reshape(tuple(shape))
    room, size = memory.available(), int(np.prod(shape[1:]))
    if room is None or len(whole) <= room // 2 or not hasattr(mmap, "MADV_RANDOM"):
        return pixels, nothing
    whole.madvise(mmap.MADV_RANDOM)

    def prefetch(rows: Tensor) -> None:
        for row in rows.tolist():
            start = row * size // mmap.PAGESIZE * mmap.PAGESIZE
            whole.madvise(mmap.MADV_WILLNEED, start, (row + 1) * size - start)

    return pixels, prefetch


def nothing(rows: Tensor) -> None:
    """Of pixels that are in memory, or soon will be."""
