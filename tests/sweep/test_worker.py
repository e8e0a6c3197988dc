"""A job's process: it fails in every way there is, sees its part of the machine, runs under Hydra's launchers."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from runs import Cli, Run

from dlrun.errors import Stopped
from dlrun.sweep import worker

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


def test_data_that_cannot_be_had_is_a_failed_job(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path / "empty"))
    monkeypatch.setenv("DLRUN_MIRRORS", str(tmp_path / "nothing"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody listens there
    code, _, err = cli("-m", "data=airfoil,synthetic_linear", "model=linear", "folder=s", "trainer.epochs=1")
    assert code == 1 and "job 0 failed" in err and "1 of 2 jobs failed" in err
    rows = json.loads(Path("s/leaderboard.json").read_text())["jobs"]
    assert [row["status"] for row in rows] == ["completed", "failed"] and "airfoil" in rows[1]["error"]


TELLS = """
import os
from pathlib import Path
import torch

class Mine(torch.nn.Module):
    def __init__(self, in_features: int, outputs: int):
        super().__init__()
        self.layer = torch.nn.Linear(in_features, outputs)
        Path(f"s/told-{os.environ['CUDA_VISIBLE_DEVICES']}-{torch.get_num_threads()}").touch()

    def forward(self, x):
        return self.layer(x)
"""


@pytest.mark.slow
def test_each_job_has_its_threads_and_gpu(cli: Cli, package: Package) -> None:
    """What a job sees is what its own process says."""
    package(TELLS)
    code, _, err = cli(
        "-m", "seed=0,1", "model=mine", "--config-dir", "my_conf", "trusted=[my_package]", "folder=s",
        "launcher.gpus=[5,7]", "launcher.threads=2", "trainer.epochs=1", "device=cpu",
    )  # fmt: skip
    assert code == 0, err
    assert sorted(Path("s").glob("told-*")) == [Path("s/told-5-2"), Path("s/told-7-2")]


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "submitit_local"])
def test_a_launcher_of_hydras(launcher: str, cli: Cli) -> None:
    """The same folders, the same leaderboard. For joblib see tests/config/test_trust.py."""
    if launcher != "basic":
        pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    options = ["hydra.launcher.timeout_min=2"] if launcher != "basic" else []
    code, out, err = cli(
        "-m", f"hydra/launcher={launcher}", *options,
        "optim.lr=0.03,10000", "trainer.epochs=2", "folder=s", "device=cpu",
    )  # fmt: skip
    assert code == 1, err
    rows = json.loads(Path("s/leaderboard.json").read_text())["jobs"]
    assert [(row["job"], row["status"]) for row in rows] == [(0, "completed"), (1, "diverged")]
    assert "error: 1 of 2 jobs failed; the first, job 1: The loss became" in err and "leaderboard" in out
    assert sorted(path.parent.name for path in Path("s").glob("*/summary.json")) == [
        "0-linear-synthetic_linear",
        "1-linear-synthetic_linear",
    ]
    code, _, err = cli("resume", "s")  # goes on with dlrun's own workers
    assert code == 1 and "nothing is left to run" in err


class Gone:
    """The end of a pipe whose other one nobody holds any more."""

    def send(self, message: object) -> None:
        raise BrokenPipeError

    def recv(self) -> object:
        raise EOFError


def test_a_job_whose_sweep_is_gone_saves_and_stops() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        worker.sender(Gone())("warned", "careful")
        assert heard == [signal.SIGTERM]
        assert worker.asking(Gone())(1, 1, 0.5) is False and len(heard) > 1
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_job_that_is_told_to_stop_before_it_trains_says_so() -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(Stopped, match="^Stopped before its first step.$") as caught:
            worker.stop_before_training(signal.SIGTERM, None)
        assert caught.value.exit_code == 143 and signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
