"""One job of ten fails, in every way there is: it is named with its reason, the nine others finish."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from runs import Cli, Run

Package = Callable[..., None]

FAILING = """
import os, signal
import torch

class Mine(torch.nn.Module):
    def __init__(self, in_features: int, outputs: int, *, how: str):
        super().__init__()
        self.layer = torch.nn.Linear(in_features, outputs)
        self.how = how
        self.calls = 0

    def forward(self, x):
        self.calls += self.training  # evaluations are rehearsed before the first step
        if self.calls == 5:
            if self.how == "raises":
                raise ValueError("a bug of mine")
            if self.how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "crashes":
                os.kill(os.getpid(), signal.SIGSEGV)
            if self.how == "exits":
                os._exit(7)
            if self.how == "memory":
                bytearray(1 << 62)
            if self.how == "diverges":
                return self.layer(x) * float("nan")
        return self.layer(x)
"""
WAYS = {
    "raises": ("failed", "ValueError: a bug of mine"),
    "killed": ("failed", "killed by SIGKILL (the machine may have run out of memory)"),
    "crashes": ("failed", "killed by SIGSEGV"),
    "exits": ("failed", "its process ended with code 7"),
    "memory": ("failed", "The memory is full."),
    "diverges": ("diverged", "The loss became nan at step 5."),
}


@pytest.mark.slow
def test_a_job_that_fails_in_whatever_way_is_named_and_the_others_finish(cli: Cli, package: Package) -> None:
    package(FAILING, "  how: well  # how it fails\n")
    mine = ["model=mine", "--config-dir", "my_conf", "trusted=[my_package]", "folder=s"]
    ways = ",".join(["well", *WAYS, "well too"])
    code, out, err = cli("-m", *mine, f"model.how={ways}", "trainer.epochs=1", "trainer.max_steps=8")
    assert code == 1
    rows = sorted(json.loads(Path("s/leaderboard.json").read_text())["jobs"], key=lambda row: row["job"])
    assert [row["status"] for row in rows] == ["completed", *(status for status, _ in WAYS.values()), "completed"]
    for number, (status, reason) in enumerate(WAYS.values(), 1):
        assert reason in rows[number]["error"]
        line = next(line for line in err.splitlines() if line.startswith(f"job {number} {status}: "))
        assert reason in line and f"log: s/{number}-mine-synthetic_linear/run.log" in line
        summary = Run(f"s/{number}-mine-synthetic_linear").summary
        assert summary["status"] == status and reason in summary["error"]
    assert "error: 6 of 8 jobs failed; the first, job 1: my_package/__init__.py:16: ValueError: a bug of mine" in err
    assert "ValueError: a bug of mine" in Path("s/1-mine-synthetic_linear/run.log").read_text()


@pytest.mark.slow
def test_failed_jobs_are_tried_again_when_that_is_asked_for(cli: Cli, package: Package, tmp_path: Path) -> None:
    package(FAILING, "  how: well  # how it fails\n")
    mine = ["model=mine", "model.how=well,raises", "--config-dir", "my_conf", "trusted=[my_package]", "folder=s"]
    assert cli("-m", *mine, "trainer.epochs=1")[0] == 1
    code, _, err = cli("resume", "s", "--trust", "my_package")
    assert code == 1 and "1 of 2 jobs failed" in err
    (tmp_path / "my_package/__init__.py").write_text(FAILING.replace("a bug of mine", "").replace("== 5", "== -1"))
    code, _, err = cli("resume", "s", "--retry-failed")
    assert (code, err) == (2, "error: This sweep runs code of somebody's own. If it is yours: --trust my_package\n")
    code, _, err = cli("resume", "s", "--retry-failed", "--trust", "my_package")
    assert code == 0, err
    assert {row["status"] for row in json.loads(Path("s/leaderboard.json").read_text())["jobs"]} == {"completed"}


def test_data_that_cannot_be_had_is_a_failed_job(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path / "empty"))
    monkeypatch.setenv("DLRUN_MIRRORS", str(tmp_path / "nothing"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody listens there
    code, _, err = cli("-m", "data=airfoil,synthetic_linear", "model=linear", "folder=s", "trainer.epochs=1")
    assert code == 1 and "job 0 failed" in err and "1 of 2 jobs failed" in err
    rows = json.loads(Path("s/leaderboard.json").read_text())["jobs"]
    assert [row["status"] for row in rows] == ["completed", "failed"] and "airfoil" in rows[1]["error"]


def test_a_second_process_may_not_work_on_the_same_sweep(cli: Cli) -> None:
    assert cli("-m", "seed=0,1", "folder=s", "trainer.epochs=1")[0] == 0
    from dlrun.sweep.folder import SweepDir

    with SweepDir(Path("s")).working():
        code, _, err = cli("resume", "s")
    assert (code, err.splitlines()[-1]) == (2, "error: s is in use: another dlrun works on this sweep.")


def test_signals_have_names() -> None:
    from dlrun.sweep.pool import how_it_died

    assert how_it_died(-signal.SIGTERM) == "killed by SIGTERM" and how_it_died(3) == "its process ended with code 3"
