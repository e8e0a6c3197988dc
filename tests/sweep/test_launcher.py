"""What of this machine a sweep's jobs may use: slots are handed out in turn."""

import glob
import os
import subprocess
import sys

import pytest

from dlrun.sweep.launcher import Launcher, Slot


def slots(
    jobs: int, workers: int | None = None, threads: int | None = None, gpus: list[int] | None = None
) -> list[Slot]:
    return Launcher(workers=workers, threads=threads, gpus=gpus, ignore_missing_keys=False).slots(jobs)


@pytest.fixture(autouse=True)
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


def test_cores_are_shared_out() -> None:
    assert slots(100, gpus=[]) == [Slot(1, None)] * 8
    assert slots(1, gpus=[]) == [Slot(8, None)]
    assert slots(100, workers=3, gpus=[]) == [Slot(2, None)] * 3
    assert slots(100, threads=3, gpus=[]) == [Slot(3, None)] * 2
    assert slots(100, workers=20, gpus=[]) == [Slot(1, None)] * 20
    assert slots(0, gpus=[]) == [Slot(8, None)]


def test_gpus_are_handed_out_in_turn() -> None:
    assert slots(100, workers=4, threads=3, gpus=[5, 7]) == [Slot(3, 5), Slot(3, 7), Slot(3, 5), Slot(3, 7)]
    assert slots(100, gpus=[5, 7]) == [Slot(4, 5), Slot(4, 7)]
    assert slots(1, gpus=[5, 7]) == [Slot(8, 5)]


@pytest.mark.skipif(bool(glob.glob("/dev/nvidia[0-9]*")), reason="this machine has a GPU")
def test_a_machine_without_a_gpu_is_asked_without_torch() -> None:
    code = (
        "import sys; from dlrun.sweep.launcher import visible_gpus as v; sys.exit(v() != [] or 'torch' in sys.modules)"
    )
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "0,1"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=60).returncode == 0
