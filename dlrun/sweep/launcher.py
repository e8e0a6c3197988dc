"""What `launcher:` says, and who may use which part of the machine."""

from __future__ import annotations

import glob
import os
import signal
import sys
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker

from dlrun.limits import Positive
from dlrun.signals import SIGNALS

# What a job would otherwise import by itself, a second or two each time; dynamo is imported by torch's optimizers.
WARM = ["dlrun.sweep.worker", "torch._dynamo", "torch.utils.tensorboard"]


@dataclass(frozen=True)
class Seat:
    """What one worker may use: CPU threads, and one GPU where there are some."""

    threads: int
    gpu: int | str | None


@dataclass(frozen=True, kw_only=True)
class Launcher:
    """`launcher:` in conf/config.yaml."""

    workers: Positive | None
    threads: Positive | None
    gpus: list[int] | None
    lenient: bool

    def seats(self, jobs: int) -> list[Seat]:
        """One worker for each GPU, or as many as the cores can feed; never more than there are jobs.

        Threads are shared out: two jobs that each have all cores run at less than half the speed.
        """
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        cards = visible_gpus() if self.gpus is None else list(self.gpus)
        count = self.workers or len(cards) or max(1, cores // (self.threads or 1))
        count = max(1, min(count, jobs))
        each = self.threads or max(1, cores // count)
        return [Seat(each, cards[number % len(cards)] if cards else None) for number in range(count)]


def visible_gpus() -> list[int | str]:
    """What CUDA_VISIBLE_DEVICES allows, or all there are, without starting CUDA in this process."""
    if sys.platform == "linux" and not glob.glob("/dev/nvidia[0-9]*") and not os.path.exists("/dev/dxg"):
        return []  # seen without importing torch, which takes seconds

    import torch

    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        return [each for each in allowed.split(",") if each.strip()] if torch.cuda.device_count() else []
    return list(range(torch.cuda.device_count()))


def warm_up() -> None:
    """Starts the server, which imports torch beside us while we still compose and check.

    It holds signals back: Ctrl-C and a lost terminal reach it too, in mid-import. Its children inherit that, and let
    them through once they can listen: none is lost in between.
    """
    forkserver.set_forkserver_preload(WARM)
    resource_tracker.ensure_running()  # which would let them through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
