"""One session of a sweep: killed with all that belongs to it, three times over, it ends as one never stopped."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import warm
from runs import Run

from dlrun.sweep.folder import Job, SweepDir
from dlrun.sweep.scheduler import FixedJobs, Scheduler

SWEEP = [
    "-m", "model=mlp", "model.hidden=[32]", "model.dropout=0.2", "data=airfoil", "stand_in=always", "optim=adam,sgd",
    "optim.lr=0.003,0.01", "trainer.epochs=6", "trainer.checkpoint_every_steps=50", "launcher.workers=2",
    "device=cpu",
]  # fmt: skip


def steps(sweep: Path) -> int:
    """How far all jobs together have come, by their logs."""
    return sum(len(path.read_text().splitlines()) for path in sweep.glob("*/metrics.jsonl"))


def results(sweep: Path) -> list[tuple]:
    rows = json.loads((sweep / "leaderboard.json").read_text())["jobs"]
    return [(row["rank"], row["job"], row["status"], row["best"], row["last"]) for row in rows]


def metrics(sweep: Path) -> dict[str, list]:
    """Every logged number of every job, without those of the clock."""
    return {path.parent.name: Run(path.parent).numbers for path in sorted(sweep.glob("*/metrics.jsonl"))}


@pytest.mark.slow
def test_killed_three_times_and_resumed_it_is_the_same_sweep(tmp_path: Path) -> None:
    warm.end(tmp_path, warm.start(tmp_path, *SWEEP, "folder=whole"))
    arguments = [*SWEEP, "folder=broken"]
    for lines in (3, 9, 15):
        process = warm.start(tmp_path, *arguments)
        target = steps(tmp_path / "broken") + lines
        warm.wait_until(lambda: steps(tmp_path / "broken") >= target, process)  # noqa: B023 - called at once
        warm.kill_all(process)
        arguments = ["resume", "broken"]
    warm.end(tmp_path, warm.start(tmp_path, *arguments))
    assert results(tmp_path / "broken") == results(tmp_path / "whole")
    assert metrics(tmp_path / "broken") == metrics(tmp_path / "whole")


@pytest.mark.slow
def test_jobs_of_a_launcher_that_is_killed_alone_save_and_end(tmp_path: Path) -> None:
    """They have nobody to tell. For signals to all of them see tests/run/test_signals.py."""
    sweep = tmp_path / "s"
    process = warm.start(tmp_path, *SWEEP, "trainer.epochs=3000", "folder=s")
    jobs = [Run(sweep / name) for name in ("0-mlp-airfoil", "1-mlp-airfoil")]
    warm.wait_until(lambda: min(job.step for job in jobs) >= 100, process)
    process.kill()
    process.join()
    until = time.monotonic() + 30
    while time.monotonic() < until and any(job.summary["status"] == "running" for job in jobs):
        time.sleep(0.1)
    assert [job.summary["status"] for job in jobs] == ["interrupted"] * 2
    assert all(job.state()["trainer"]["step"] == job.summary["step"] for job in jobs)


def test_known_jobs_are_given_out_once_and_in_order(ended: Callable[..., tuple[SweepDir, list[Job]]]) -> None:
    _, jobs = ended({"optim.lr=1": "", "optim.lr=2": ""})
    source = FixedJobs(jobs, ["model=linear"])
    assert [source.next(), source.next(), source.next(), source.next()] == [*jobs, None, None]
    assert not source.should_prune(jobs[0], 1, 1, float("nan"))


def test_a_jobs_last_line_says_its_best_or_what_went_wrong(ended: Callable[..., tuple[SweepDir, list[Job]]]) -> None:
    sweep, jobs = ended({"model=linear optim.lr=1": 0.12345, "model=linear optim.lr=2": None})
    session = Scheduler(sweep, jobs, FixedJobs([], ["model=linear"]), cast(Any, None))
    assert session.title(jobs[0]) == "optim.lr=1"
    assert session.how(jobs[0], "completed", None) == "val/mse 0.1235  1.5 s"
    failed = session.how(jobs[1], "diverged", "The loss became nan.")
    assert failed == "The loss became nan.  log: s/1-linear-ptb/run.log"
