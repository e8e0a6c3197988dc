"""SIGKILL at random moments: afterwards `resume` works, and all is as if nothing had happened.

DLRUN_KILLS says how many times for each kind of work, DLRUN_SEED from which seed on: DLRUN_KILLS=1 DLRUN_SEED=7
replays what failed under 7.
"""

import multiprocessing
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
import warm
from chaos import faulty
from runs import Run, alike

KILLS = int(os.environ.get("DLRUN_KILLS", "2"))
SEED = int(os.environ.get("DLRUN_SEED", "0"))
RUN = ["model=mlp", "model.hidden=[8]", "model.dropout=0.2", "data=airfoil", "stand_in=always", "optim=adam"]
RUN += ["batch_size=64", "trainer.epochs=3", "trainer.log_every_steps=1", "trainer.checkpoint_every_steps=3"]
RUN += ["device=cpu"]
SWEEP = ["-m", "seed=0,1", "launcher.workers=1", *RUN]
SEARCH = [*SWEEP[2:], "-m", "hydra/sweeper=optuna", "optim.lr=interval(0.001,0.01)", "hydra.sweeper.trials=2"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The undisturbed run and sweep, and how long each takes."""
    home = tmp_path_factory.mktemp("whole")
    warm.end(home, warm.start(home, *RUN, "folder=run"))
    return {"home": home}


def temporary(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*") if path.is_file() and not path.name.endswith("lock")]


def kill_somewhere(home: Path, draw: random.Random, arguments: list[str]) -> None:
    """Starts dlrun and kills it, and all that it started, after up to a second and a half."""
    process = warm.start(home, *arguments)
    time.sleep(draw.uniform(0, 1.5))
    if process.is_alive():
        try:
            os.killpg(process.pid or 0, signal.SIGKILL)
        except ProcessLookupError:  # it has no group of its own yet
            process.kill()
    process.join(60)


def fresh(run: Path) -> list[str]:
    """A run that has no checkpoint yet is typed again."""
    shutil.rmtree(run, ignore_errors=True)
    return [*RUN, "folder=run"]


def same(one: Run, other: Run) -> None:
    assert one.numbers == other.numbers
    assert all(alike(one.weights(name), other.weights(name)) for name in ("last", "best"))


@pytest.mark.parametrize("seed", range(SEED, SEED + KILLS))
@pytest.mark.slow
def test_a_run(seed: int, whole: dict[str, Path], tmp_path: Path) -> None:
    draw, run = random.Random(seed), tmp_path / "run"
    for _ in range(draw.randint(1, 3)):  # the run, then what resumes it
        kill_somewhere(tmp_path, draw, ["resume", "run"] if (run / "checkpoints/last.pt").exists() else fresh(run))
    last = ["resume", "run"] if (run / "checkpoints/last.pt").exists() else fresh(run)
    if not run.exists() or Run(run).summary["status"] != "completed":
        warm.end(tmp_path, warm.start(tmp_path, *last))
    same(Run(whole["home"] / "run"), Run(run))
    assert temporary(run) == [], f"DLRUN_SEED={seed}"


SHORT = ["data.n=60", "trainer.epochs=2", "trainer.log_every_steps=3", "trainer.checkpoint_every_epochs=null"]
SHORT += ["device=cpu"]


@pytest.mark.slow
def test_after_every_operation(tmp_path: Path) -> None:
    """SIGKILL after each second one of a run, DLRUN_FAULTS=0: each. Wherever, a line of metrics is there once."""
    warm.end(tmp_path, warm.start(tmp_path, *SHORT, "folder=whole"))
    whole, run, number = Run(tmp_path / "whole"), tmp_path / "run", 0
    while True:
        number += 1 if os.environ.get("DLRUN_FAULTS") == "0" else 2
        arguments = (*SHORT, *fresh(run)[-1:])
        start = multiprocessing.get_context("forkserver").Process
        process = start(target=faulty.stopped, args=(tmp_path, arguments, number, signal.SIGKILL))
        process.start()
        process.join(120)
        if process.exitcode == 0:
            break  # it has fewer operations than that
        if (run / "checkpoints/last.pt").exists():
            if Run(run).summary["status"] != "completed":
                warm.end(tmp_path, warm.start(tmp_path, "resume", "run"))
            assert Run(run).numbers == whole.numbers, f"killed after operation {number}"
            assert alike(Run(run).weights(), whole.weights()) and temporary(run) == []
    assert number > 20


@pytest.mark.parametrize("kind", ["grid", "search"])
@pytest.mark.parametrize("seed", range(SEED, SEED + KILLS))
@pytest.mark.slow
def test_a_sweep(seed: int, kind: str, whole: dict[str, Path], tmp_path: Path) -> None:
    draw, sweep, typed = random.Random(seed), tmp_path / "s", [*(SWEEP if kind == "grid" else SEARCH), "folder=s"]
    kill_somewhere(tmp_path, draw, typed)
    if not (sweep / "jobs.jsonl").exists():
        shutil.rmtree(sweep, ignore_errors=True)
    arguments = ["resume", "s"] if sweep.exists() else typed
    kill_somewhere(tmp_path, draw, arguments)
    if not (sweep / "jobs.jsonl").exists():
        shutil.rmtree(sweep, ignore_errors=True)
    warm.end(tmp_path, warm.start(tmp_path, *(["resume", "s"] if sweep.exists() else typed)))
    jobs = sorted(path.parent for path in sweep.glob("*/summary.json"))
    assert [Run(job).summary["status"] for job in jobs] == ["completed"] * len(jobs)
    assert len(jobs) >= 2 and temporary(sweep) == [], f"DLRUN_SEED={seed}"
    for job in jobs:
        lines = Run(job).numbers
        counts = [line["step"] for line in lines]
        assert counts == sorted(counts) and len({*map(str, lines)}) == len(counts)
    if kind == "grid":
        same(Run(whole["home"] / "run"), Run(jobs[0]))
