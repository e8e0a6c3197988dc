"""A loss that is no number: at once where reading it is free, else at the next log point, with the same end."""

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from runs import Cli, Run, alike
from torch.utils._python_dispatch import TorchDispatchMode

from dlrun.config import assemble
from dlrun.errors import Diverged
from dlrun.run import session
from dlrun.run.divergence import UNREAD, Divergence
from dlrun.run.folder import RunDir
from dlrun.run.trainer import Trainer

TYPED = ["optim.lr=20", "data.n=2000", "device=cpu"]


def resume(run: str, asynchronous: bool, **trainer: Any) -> None:
    """`dlrun resume`, on a CPU that is treated as a device that one has to wait for."""
    folder = RunDir(Path(run))
    config = yaml.safe_load((folder.path / "config.yaml").read_text())
    plans = assemble.check({**config, "trainer": {**config["trainer"], **trainer}})
    plans = replace(plans, device=replace(plans.device, asynchronous=asynchronous))
    session.resume(folder, plans, overrides=[])


@pytest.mark.slow
@pytest.mark.parametrize("typed", [[], ["trainer.accumulate=3"]])
def test_a_device_that_is_not_waited_for_tells_the_same(typed: list[str], cli: Cli) -> None:
    """It diverges between two log points, long before a checkpoint is due; and goes on after the first checkpoint."""
    assert cli(*TYPED, *typed, "trainer.max_steps=2", "folder=waits")[0] == 0
    shutil.copytree("waits", "queues")
    told = []
    for run, asynchronous in (("waits", False), ("queues", True)):
        with pytest.raises(Diverged) as caught:
            resume(run, asynchronous, max_steps=45, log_every_steps=40, checkpoint_every_steps=10)
        told.append(str(caught.value))
        assert caught.value.exit_code == 1
        assert (Run(run).summary["status"], Run(run).summary["error"]) == ("diverged", told[-1])
    assert told[0] == told[1] and Run("waits").numbers == Run("queues").numbers
    bad = int(told[0].split("at step ")[1].split(".")[0])
    assert 2 < bad < 40 and bad % 10  # in between
    saved = [Run(run).state() for run in ("waits", "queues")]
    assert saved[0]["trainer"]["step"] == saved[1]["trainer"]["step"] == (bad // 10 * 10 or 2)
    for name, weights in saved[0]["model"].items():
        assert torch.equal(weights, saved[1]["model"][name]) and weights.isfinite().all()


@pytest.mark.slow
def test_a_whole_run_that_is_not_waited_for_makes_the_same_numbers(cli: Cli) -> None:
    assert cli(*TYPED, "optim.lr=0.1", "trainer.max_steps=2", "folder=waits")[0] == 0
    shutil.copytree("waits", "queues")
    resume("waits", False, max_steps=300, log_every_steps=7)
    resume("queues", True, max_steps=300, log_every_steps=7)
    assert Run("waits").numbers == Run("queues").numbers
    saved = [Run(run).state() for run in ("waits", "queues")]
    means = [each["trainer"]["running"] for each in saved]
    assert means[0] == means[1] and alike(saved[0]["model"], saved[1]["model"])


class NoReading(TorchDispatchMode):
    """Refuses what waits for a device: `.item()`, `.tolist()`, `float()` and `if` of a tensor, a copy to the CPU."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func not in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.is_nonzero.default), func
        assert func is not torch.ops.aten._to_copy.default or "device" not in (kwargs or {}), func
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "typed",
    [
        ["data=synthetic_linear", "optim=momentum"],
        ["data=synthetic_linear", "trainer.accumulate=2", "trainer.clip=1", "scheduler=cosine"],
        ["model=lstm", "model.hidden=8", "model.embed=8", "optim=sgd"],
        ["model=skipgram", "model.embed=8", "data=jaychou_lyrics", "optim=sgd"],
        ["model=lenet", "optim=sgd", "task.random_shift=2"],
    ],
)
@pytest.mark.slow
def test_a_step_reads_nothing_from_a_device(typed: list[str], cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli(*typed, "stand_in=always", "device=cpu", "trainer.max_steps=1", "batch_size=8", "folder=run")[0] == 0
    steps = 0

    class Watched(Trainer):
        def update(self, batches: list[Any], count: int) -> None:
            nonlocal steps
            steps += 1
            due = steps == 4  # the last step is evaluated, and measures the norm for that
            if due:
                super().update(batches, count)
                return
            with NoReading():
                super().update(batches, count)
                self.record()
                self.live_means()

    monkeypatch.setattr(session, "Trainer", Watched)
    resume("run", True, max_steps=5, log_every_steps=100)
    assert steps == 4


def test_losses_do_not_pile_up() -> None:
    """A run that logs seldom looks now and then, and still names the first bad step."""
    watch = Divergence(asynchronous=True)
    for step in range(1, UNREAD):
        watch.note(step, 0.5, torch.tensor(math.nan if step > 7 else 1.0))
    assert len(watch.unread) == UNREAD - 1
    with pytest.raises(Diverged, match=r"The loss became nan at step 8. Try a smaller optim.lr \(now 0.5\)"):
        watch.note(UNREAD, 0.25, torch.tensor(1.0))
    watch = Divergence(asynchronous=True)
    for step in range(1, 3 * UNREAD):
        watch.note(step, 0.5, torch.tensor(1.0))
    assert len(watch.unread) < UNREAD


def test_a_run_that_diverges_says_where_and_what_to_try(cli: Cli) -> None:
    code, _, err = cli("optim.lr=100", "trainer.epochs=50", "folder=run")
    assert code == 1
    assert "error: The loss became" in err and "Try a smaller optim.lr (now 100) or trainer.clip=1." in err
    summary = Run("run").summary
    assert summary["status"] == "diverged" and "The loss became" in summary["error"]
