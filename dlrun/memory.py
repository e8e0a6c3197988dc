"""Sizes that can't fit are refused before they are tried: the system would end the process without a word, or swap."""

import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from dlrun.errors import UserError

NOTICED = 2**26  # bytes: what is smaller is not looked at, which would cost time
MADE_BY_SIZE = {torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn}
TORCH_SAYS = re.compile("allocate memory|overflow|out of memory", re.IGNORECASE)  # of a size that it can't have


def available(root: Path = Path("/")) -> int | None:
    """Bytes that can be had now, swap counted in, within a container's limit; None where nothing says so."""
    found = [limit for limit in (machine(root), container(root)) if limit is not None]
    if not found and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(found, default=None)


def machine(root: Path) -> int | None:
    try:
        text = (root / "proc/meminfo").read_text()
    except OSError:
        return None
    sizes = {name: int(size) * 1024 for name, size in re.findall(r"(\w+): +(\d+) kB", text)}
    return sizes["MemAvailable"] + sizes.get("SwapFree", 0) if "MemAvailable" in sizes else None


def container(root: Path) -> int | None:
    """What the control groups of this process leave: a container's, or one of the groups that it is in, as a cluster's
    job is; their cache is given back when memory is needed."""
    newer = ("memory.max", "memory.current", "inactive_file")
    older = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    found = [left_in(folder, *newer) for folder in groups(root, "sys/fs/cgroup", "")]
    found += [left_in(folder, *older) for folder in groups(root, "sys/fs/cgroup/memory", "memory")]
    return min((left for left in found if left is not None), default=None)


def groups(root: Path, mount: str, kind: str) -> list[Path]:
    """The control group of that kind that this process is in, and those above it."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        lines = []
    own = [path for _, kinds, path in (line.split(":", 2) for line in lines) if kind in kinds.split(",")]
    inner = Path(own[0].lstrip("/") if own else "")
    return [root / mount / each for each in (inner, *inner.parents)]


def left_in(folder: Path, limit: str, used: str, cache: str) -> int | None:
    try:
        most, now = ((folder / name).read_text().strip() for name in (limit, used))
        kept = re.search(rf"^{cache} (\d+)$", (folder / "memory.stat").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(most) - int(now) + int(kept[1] if kept else 0) if most.isdigit() else None


def ask_for(size: float, what: str) -> None:
    """UserError where so many bytes can't be had."""
    if size < NOTICED:
        return
    there = available()
    if there is not None and size > there:
        raise UserError(f"{what} would take {gigabytes(size)} of memory; {gigabytes(there)} can be had.")


def gigabytes(size: float) -> str:
    return f"{size / 1e9:,.1f} GB"


class Watch(TorchFunctionMode):
    """Sees each tensor that is asked for by its size, before there is one."""

    def __init__(self, what: str):
        super().__init__()
        self.what = what

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in MADE_BY_SIZE:
            size = args or kwargs.get("size", ())
            size = size[0] if len(size) == 1 and not isinstance(size[0], int) else size
            each = kwargs.get("dtype") or torch.get_default_dtype()
            ask_for(math.prod(map(int, size)) * each.itemsize, self.what)
        return func(*args, **kwargs)


@contextmanager
def watched(what: str) -> Iterator[None]:
    """Around what is built from sizes that were typed: UserError instead of an end by the system."""
    try:
        with Watch(what):
            yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and not TORCH_SAYS.search(str(error)):
            raise
        raise UserError(f"{what} would take more memory than there is.") from error


# how much is taken


class Peak:
    """How much memory is taken at most from here on: of a GPU what torch has allocated, else what is resident.

    Linux forgets the peak of before when it is asked to; elsewhere a peak below that one is seen as less than it was.
    """

    def __init__(self, device: torch.device):
        self.device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self.before = largest_resident()

    def bytes(self) -> int:
        """At the peak: of a GPU all of it, else by how much the resident set has grown."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device)
        if self.device.type == "mps":
            return torch.mps.driver_allocated_memory()
        return max(0, largest_resident() - self.before)


def largest_resident() -> int:
    """Bytes of this process in memory at their peak; 0 where nothing says so."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        found = None
    if found:
        return int(found[1]) * 1024
    try:
        import resource  # Windows has none
    except ImportError:
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
