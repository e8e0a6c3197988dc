"""What of this machine a sweep's jobs may use: workers, their CPU threads and GPUs."""

import glob
import os
import sys
from dataclasses import dataclass

from dlrun.limits import PositiveInt


@dataclass(frozen=True)
class Slot:
    """What one worker may use: CPU threads, and one GPU where there are some."""

    threads: int
    gpu: int | str | None


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """`launcher:` in conf/config.yaml."""

    workers: PositiveInt | None
    threads: PositiveInt | None
    gpus: list[int] | None
    ignore_missing_keys: bool

    def slots(self, jobs: int) -> list[Slot]:
        """One worker for each GPU, or as many as the cores can feed; never more than there are jobs.

        Threads are shared out: two jobs that each have all cores run at less than half the speed.
        """
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        cards = visible_gpus() if self.gpus is None else list(self.gpus)
        count = self.workers or len(cards) or max(1, cores // (self.threads or 1))
        count = max(1, min(count, jobs))
        each = self.threads or max(1, cores // count)
        return [Slot(each, cards[number % len(cards)] if cards else None) for number in range(count)]


def visible_gpus() -> list[int | str]:
    """What CUDA_VISIBLE_DEVICES allows, or all there are, without starting CUDA in this process."""
    if sys.platform == "linux" and not glob.glob("/dev/nvidia[0-9]*") and not os.path.exists("/dev/dxg"):
        return []  # seen without importing torch, which takes seconds

    import torch

    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        return [each for each in allowed.split(",") if each.strip()] if torch.cuda.device_count() else []
    return list(range(torch.cuda.device_count()))
