"""A file that may be larger than memory: mapped, and read ahead where that is asked for. No torch."""

import mmap
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from dlrun import memory

ReadAhead = Callable[[Sequence[int], int], None]  # where pieces begin, and how many values each has


def opened(path: Path, kind: str) -> tuple[np.ndarray, ReadAhead | None]:
    """(n,) of that type, copied on write, as torch wants to be able to; OSError, ValueError where there are none.

    A page that is not there is read with many around it (8 MB here, 128 kB elsewhere), which soon has all of a file
    that memory holds. Of a larger one, in random order, they are read in vain: once pieces are asked for, it is read as
    asked, and what comes next all at once. 49,000 pictures of 64 x 64 a second came from the disk that gave 900 before.
    """
    with open(path, "rb") as file:
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    values, room = np.frombuffer(whole, kind), memory.available()
    if room is None or len(whole) <= room // 2 or not hasattr(mmap, "MADV_RANDOM"):
        return values, None

    def read_ahead(begins: Sequence[int], count: int) -> None:
        whole.madvise(mmap.MADV_RANDOM)
        for begin in begins:
            first, end = begin * values.itemsize, (begin + count) * values.itemsize
            page = first // mmap.PAGESIZE * mmap.PAGESIZE
            whole.madvise(mmap.MADV_WILLNEED, page, end - page)

    return values, read_ahead
