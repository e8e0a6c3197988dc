"""Exact resume: a run killed with SIGKILL, twice over, ends bit-identical to the one that was never stopped.

A test across modules: all that decides the next step is in the checkpoint, wherever it is made.
"""

import signal
from pathlib import Path

import pytest
import torch
import warm
from runs import Run, alike

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
        "task.random_shift=2",
        "task.random_flip=true",
        "task.random_erase=4",
        "task.class_weights=balanced",
        "task.goal=max f1",
        "task.metrics=[auc]",
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


def finish(home: Path, *arguments: str) -> None:
    warm.end(home, warm.start(home, *arguments))


def kill_after(home: Path, arguments: list[str], run: Path, step: int) -> None:
    """SIGKILL once that step is logged: between two steps or in the midst of one, wherever it happens to be."""
    process = warm.start(home, *arguments)
    warm.wait_until(lambda: Run(run).step >= step, process)
    process.kill()
    warm.end(home, process, -signal.SIGKILL)


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
    finish(tmp_path, *arguments, "folder=whole")
    total = Run(whole).step
    kill_after(tmp_path, [*arguments, "folder=broken"], broken, total // 4)
    kill_after(tmp_path, ["resume", "broken"], broken, max(total * 5 // 8, Run(broken).step + 1))
    finish(tmp_path, "resume", "broken")
    assert Run(whole).numbers == Run(broken).numbers
    for name in ("last", "best"):
        one, other = (Run(folder).state(name) for folder in (whole, broken))
        for state in (one, other):
            state["trainer"].pop("seconds")
            state["config"].pop("folder")
            state["trainer"]["metrics"] = {k: v for k, v in state["trainer"]["metrics"].items() if "speed/" not in k}
        assert_same(one, other)
    assert_curves_do_not_fold_back(broken)


def assert_curves_do_not_fold_back(folder: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    logged = [line for line in Run(folder).metrics if "optim/lr" in line]
    curve = [event.step for event in events.Scalars("optim/lr")]
    assert curve == [line["step"] for line in logged]


@pytest.mark.slow
def test_sigterm_saves_and_resume_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    endless = ["data=airfoil", "trainer.epochs=2000", "trainer.log_every_steps=1", "folder=run", *COMMON[:2]]
    process = warm.start(tmp_path, *endless)
    warm.wait_until(lambda: Run(folder).step >= 20, process)
    process.terminate()
    output = warm.end(tmp_path, process, 143)
    summary = Run(folder).summary
    assert summary["status"] == "interrupted"
    state = Run(folder).state()
    assert state["trainer"]["step"] == summary["step"] == Run(folder).step
    assert "dlrun resume run" in output


@pytest.mark.slow
def test_resume_extends_a_complete_run(tmp_path: Path) -> None:
    short, long = tmp_path / "short", tmp_path / "long"
    common = ["data=airfoil", "optim=momentum", "model=linear", *COMMON]
    finish(tmp_path, *common, "folder=short", "trainer.epochs=2")
    finish(tmp_path, "resume", "short", "trainer.epochs=4")
    finish(tmp_path, *common, "folder=long", "trainer.epochs=4")
    assert alike(Run(short).weights(), Run(long).weights())
    assert Run(short).summary["epoch"] == 4
