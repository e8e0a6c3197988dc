"""A sweep killed with all that belongs to it, five times over, ends with the leaderboard of one never stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SWEEP = [
    "-m", "model=mlp", "model.hidden=[32]", "model.dropout=0.2", "data=airfoil", "stand_in=always", "optim=adam,sgd",
    "optim.lr=0.003,0.01", "trainer.epochs=10", "trainer.checkpoint_every_steps=50", "launcher.workers=2",
    "device=cpu",
]  # fmt: skip


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    """In a session of its own, so that launcher, fork server and workers can all be killed at once."""
    return subprocess.Popen(
        [sys.executable, "-m", "dlrun", *arguments],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def finish(folder: Path, *arguments: str) -> str:
    process = start(folder, *arguments)
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    return output


def kill(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)


def steps(sweep: Path) -> int:
    """How far all jobs together have come, by their logs."""
    return sum(len(path.read_text().splitlines()) for path in sweep.glob("*/metrics.jsonl"))


def kill_after(process: subprocess.Popen, sweep: Path, lines: int) -> bool:
    """Kills it once so many lines of metrics were written; False when it was over before."""
    target = steps(sweep) + lines
    while steps(sweep) < target:
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    kill(process)
    return True


def results(sweep: Path) -> list[tuple]:
    rows = json.loads((sweep / "leaderboard.json").read_text())["jobs"]
    return [(row["rank"], row["job"], row["status"], row["best"], row["last"]) for row in rows]


def metrics(sweep: Path) -> dict[str, list]:
    """Every logged number of every job, without those of the clock."""
    found = {}
    for path in sorted(sweep.glob("*/metrics.jsonl")):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        found[path.parent.name] = [
            {key: value for key, value in line.items() if key not in ("time_s", "speed/examples_per_s")}
            for line in lines
        ]
    return found


@pytest.mark.slow
def test_killed_five_times_and_resumed_it_is_the_same_sweep(tmp_path: Path) -> None:
    finish(tmp_path, *SWEEP, "folder=whole")
    process = start(tmp_path, *SWEEP, "folder=broken")
    kills = 0
    for lines in (3, 8, 6, 8, 4):
        kills += kill_after(process, tmp_path / "broken", lines)
        process = start(tmp_path, "resume", "broken")
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    assert kills == 5
    assert results(tmp_path / "broken") == results(tmp_path / "whole")
    assert metrics(tmp_path / "broken") == metrics(tmp_path / "whole")


@pytest.mark.slow
def test_ctrl_c_saves_every_job_and_a_killed_launcher_does_too(tmp_path: Path) -> None:
    process = start(tmp_path, *SWEEP, "trainer.epochs=3000", "folder=s")
    while steps(tmp_path / "s") < 5:
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "The sweep was stopped. Go on: dlrun resume s" in output
    statuses = {
        path.parent.name[0]: json.loads(path.read_text())["status"] for path in (tmp_path / "s").glob("*/summary.json")
    }
    assert statuses == {"0": "interrupted", "1": "interrupted"}

    process = start(tmp_path, "resume", "s")
    before = steps(tmp_path / "s")
    while steps(tmp_path / "s") < before + 5:
        assert process.poll() is None
        time.sleep(0.01)
    summaries = [tmp_path / "s" / name / "summary.json" for name in ("0-mlp-airfoil", "1-mlp-airfoil")]
    os.kill(process.pid, signal.SIGKILL)  # the launcher alone: its workers have nobody to tell, save and end
    process.communicate(timeout=60)
    until = time.monotonic() + 30
    while time.monotonic() < until and any(json.loads(path.read_text())["status"] == "running" for path in summaries):
        time.sleep(0.1)
    assert [json.loads(path.read_text())["status"] for path in summaries] == ["interrupted"] * 2
