"""A sweep killed with all that belongs to it, five times over, ends with the leaderboard of one never stopped."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
import warm
from runs import Run

SWEEP = [
    "-m", "model=mlp", "model.hidden=[32]", "model.dropout=0.2", "data=airfoil", "stand_in=always", "optim=adam,sgd",
    "optim.lr=0.003,0.01", "trainer.epochs=10", "trainer.checkpoint_every_steps=50", "launcher.workers=2",
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
def test_killed_five_times_and_resumed_it_is_the_same_sweep(tmp_path: Path) -> None:
    warm.end(tmp_path, warm.start(tmp_path, *SWEEP, "folder=whole"))
    arguments = [*SWEEP, "folder=broken"]
    for lines in (3, 8, 6, 8, 4):
        process = warm.start(tmp_path, *arguments)
        target = steps(tmp_path / "broken") + lines
        warm.wait_until(lambda: steps(tmp_path / "broken") >= target, process)  # noqa: B023 - called at once
        warm.kill_all(process)
        arguments = ["resume", "broken"]
    warm.end(tmp_path, warm.start(tmp_path, *arguments))
    assert results(tmp_path / "broken") == results(tmp_path / "whole")
    assert metrics(tmp_path / "broken") == metrics(tmp_path / "whole")


@pytest.mark.slow
def test_ctrl_c_saves_every_job_and_a_killed_launcher_does_too(tmp_path: Path) -> None:
    sweep = tmp_path / "s"
    process = warm.start(tmp_path, *SWEEP, "trainer.epochs=3000", "folder=s")
    warm.wait_until(lambda: steps(sweep) >= 5, process)
    assert process.pid is not None
    os.killpg(process.pid, signal.SIGINT)
    output = warm.end(tmp_path, process, 130)
    assert "The sweep was stopped. Go on: dlrun resume s" in output
    statuses = {path.parent.name[0]: Run(path.parent).summary["status"] for path in sweep.glob("*/summary.json")}
    assert statuses == {"0": "interrupted", "1": "interrupted"}

    process = warm.start(tmp_path, "resume", "s")
    before = steps(sweep)
    warm.wait_until(lambda: steps(sweep) >= before + 5, process)
    jobs = [Run(sweep / name) for name in ("0-mlp-airfoil", "1-mlp-airfoil")]
    process.kill()  # the launcher alone: its workers have nobody to tell, save and end
    process.join()
    until = time.monotonic() + 30
    while time.monotonic() < until and any(job.summary["status"] == "running" for job in jobs):
        time.sleep(0.1)
    assert [job.summary["status"] for job in jobs] == ["interrupted"] * 2
