"""Exact resume: a run killed with SIGKILL, twice over, ends bit-identical to the one that was never stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

RUNS = {
    "regression": [
        "model=mlp",
        "data=airfoil",
        "optim=adam",
        "trainer.epochs=3",
        "scheduler=cosine",
        "model.dropout=0.2",
    ],
    "image": [
        "model=lenet",
        "data=fashion_mnist",
        "optim=momentum",
        "trainer.epochs=2",
        "batch_size=64",
        "scheduler=onecycle",
        "task.shift=2",
        "task.flip=true",
        "task.erase=4",
    ],
    "language": [
        "model=lstm",
        "optim=adam",
        "trainer.epochs=3",
        "model.hidden=16",
        "model.embed=16",
        "model.dropout=0.3",
    ],
    "word2vec": ["model=skipgram", "trainer.epochs=2", "batch_size=512", "model.embed=8", "optim=adagrad"],
}
COMMON = ["stand_in=always", "device=cpu", "trainer.log_every_steps=3", "trainer.checkpoint_every_steps=4"]


def start(arguments: list[str]) -> subprocess.Popen:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "dlrun", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(arguments: list[str]) -> str:
    process = start(arguments)
    output, _ = process.communicate(timeout=180)
    assert process.returncode == 0, output
    return output


def steps(folder: Path) -> int:
    path = folder / "metrics.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    return json.loads(lines[-1])["step"] if lines else 0


def kill_after(arguments: list[str], folder: Path, step: int) -> None:
    """SIGKILL once that step is logged: between two steps or in the midst of one, wherever it happens to be."""
    process = start(arguments)
    deadline = time.monotonic() + 120
    while steps(folder) < step and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    if process.poll() is None:
        process.send_signal(signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL, f"it ended before it could be killed: {output}"


def metrics(folder: Path) -> list[dict]:
    """metrics.jsonl without what a clock says."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{tag: v for tag, v in line.items() if tag != "time_s" and not tag.startswith("speed/")} for line in lines]


def assert_same(first: object, second: object, where: str = "") -> None:
    if isinstance(first, torch.Tensor):
        assert isinstance(second, torch.Tensor) and torch.equal(first, second), where
    elif isinstance(first, dict):
        assert isinstance(second, dict) and first.keys() == second.keys(), where
        for key in first:
            assert_same(first[key], second[key], f"{where}.{key}")
    elif isinstance(first, list | tuple):
        assert isinstance(second, list | tuple) and len(first) == len(second), where
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            assert_same(one, other, f"{where}[{number}]")
    else:
        assert first == second, f"{where}: {first} is not {second}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", RUNS)
def test_killed_twice_is_never_killed(kind: str, tmp_path: Path) -> None:
    arguments = [*RUNS[kind], *COMMON]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    finish([*arguments, f"folder={whole}"])
    total = steps(whole)
    kill_after([*arguments, f"folder={broken}"], broken, total // 4)
    kill_after(["resume", str(broken)], broken, max(total * 5 // 8, steps(broken) + 1))
    finish(["resume", str(broken)])
    assert metrics(whole) == metrics(broken)
    for name in ("last", "best"):
        one, other = (torch.load(f / "checkpoints" / f"{name}.pt", weights_only=True) for f in (whole, broken))
        for state in (one, other):
            state["trainer"].pop("seconds")
            state["trainer"]["figures"] = {k: v for k, v in state["trainer"]["figures"].items() if "speed/" not in k}
        assert_same(one, other)
    assert_curves_do_not_fold_back(broken)


def assert_curves_do_not_fold_back(folder: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    logged = [line for line in metrics(folder) if "optim/lr" in line]
    curve = [event.step for event in events.Scalars("optim/lr")]
    assert curve == [line["step"] for line in logged]


@pytest.mark.slow
def test_sigterm_saves_and_resume_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = start(
        ["data=airfoil", "trainer.epochs=2000", "trainer.log_every_steps=1", f"folder={folder}", *COMMON[:2]]
    )
    while steps(folder) < 20:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 143, output
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["status"] == "interrupted"
    state = torch.load(folder / "checkpoints" / "last.pt", weights_only=True)
    assert state["trainer"]["step"] == summary["step"] == steps(folder)
    assert f"dlrun resume {folder}" in output


@pytest.mark.slow
def test_resume_extends_a_complete_run(tmp_path: Path) -> None:
    short, long = tmp_path / "short", tmp_path / "long"
    common = ["data=airfoil", "optim=momentum", "model=linear", *COMMON]
    finish([*common, f"folder={short}", "trainer.epochs=2"])
    finish(["resume", str(short), "trainer.epochs=4"])
    finish([*common, f"folder={long}", "trainer.epochs=4"])
    one, other = (torch.load(f / "checkpoints" / "last.pt", weights_only=True)["model"] for f in (short, long))
    assert_same(one, other)
    assert json.loads((short / "summary.json").read_text())["epoch"] == 4
