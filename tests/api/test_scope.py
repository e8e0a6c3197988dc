"""A run in somebody's own process leaves nothing global behind, and makes the numbers that the command line makes."""

import logging
import multiprocessing
import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import warm
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobRuntime
from hydra.version import VersionBase, setbase
from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer
from runs import Run, alike

import dlrun
from dlrun.run.signals import SIGNALS

SHORT = ("data=airfoil", "stand_in=always", "device=cpu", "trainer.epochs=1", "trainer.limit_batches=3")
OWN_PART = """
from torch import nn

class Mine(nn.Module):
    def __init__(self, in_features: int, outputs: int, *, hidden: int):
        super().__init__()
        self.layer = nn.Linear(in_features, outputs)

    def forward(self, x):
        return self.layer(x)
"""
OWN_YAML = "_target_: mine_alone.Mine\nhidden: 3  # units\n"


def state() -> dict[str, Any]:
    """All that is global, and that a program may have set for itself."""
    threads = torch.get_num_threads(), torch.get_num_interop_threads()
    return {
        "random": random.getstate(),
        "numpy": [each.tolist() if isinstance(each, np.ndarray) else each for each in np.random.get_state()],
        "torch": torch.get_rng_state().tolist(),
        "threads": threads,
        "dtype": (torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled()),
        "modes": (torch.get_deterministic_debug_mode(), torch.backends.cudnn.benchmark),
        "matmul": torch.get_float32_matmul_precision(),
        "signals": [signal.getsignal(number) for number in SIGNALS],
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "environ": dict(os.environ),
        "cwd": os.getcwd(),
        "path": list(sys.path),
        "meta_path": list(sys.meta_path),
        "argv": list(sys.argv),
        "main": sys.modules["__main__"],
        "streams": (sys.stdin, sys.stdout, sys.stderr, sys.excepthook),
        "method": multiprocessing.get_start_method(allow_none=True),
        "threads alive": sorted(each.name for each in threading.enumerate()),
        "logging": (logging.root.level, list(logging.root.handlers), logging.getLogger("mine").level),
        "warnings": list(warnings.filters),
        "hydra": (
            HydraConfig.instance().cfg,
            VersionBase.instance().version_base,
            GlobalHydra.instance().is_initialized(),
        ),
        "job": JobRuntime().get("name"),
        "resolvers": dict(BaseContainer._resolvers),
    }


@pytest.fixture
def unusual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process whose program has settings of its own, all of them odd."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLRUN_PACKAGES", "somewhere")
    before, handler = VersionBase.instance().version_base, signal.getsignal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, lambda number, frame: None)
    torch.set_default_dtype(torch.float64)
    torch.set_deterministic_debug_mode("warn")
    HydraConfig.instance().cfg = OmegaConf.create({"hydra": {"job": {"name": "theirs"}}})  # type: ignore[assignment]
    setbase("1.2")
    JobRuntime().set("name", "theirs")
    OmegaConf.register_new_resolver("new_folder", lambda: "theirs", replace=True)
    random.seed(5)
    logging.getLogger("mine").setLevel(logging.ERROR)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_deterministic_debug_mode("default")
        HydraConfig.instance().cfg = None
        VersionBase.instance().version_base = before
        JobRuntime().set("name", "UNKNOWN_NAME")
        signal.signal(signal.SIGUSR1, handler)


def own_parts(folder: Path) -> None:
    (folder / "conf/model").mkdir(parents=True)
    (folder / "conf/model/mine.yaml").write_text(OWN_YAML)
    (folder / "mine_alone.py").write_text(OWN_PART)


def good(folder: Path) -> None:
    own_parts(folder)
    run = dlrun.train(*SHORT, "model=mine", "device.deterministic=true", trust=["mine_alone"], config_dir="conf")
    assert run.status == "completed" and run.model(torch.zeros(1, 5, dtype=torch.float32)).dtype == torch.float32
    assert run.predict("1,2,3,4,5") and dlrun.runs(where="model=mine")[0].folder == run.folder


def diverging(folder: Path) -> None:
    with pytest.raises(dlrun.Diverged, match="Try a smaller optim.lr") as caught:
        dlrun.train(*SHORT, "optim.lr=1e30", "trainer.limit_batches=40", "folder=run")
    assert caught.value.folder == folder / "run" and dlrun.Run("run").status == "diverged"


def mistaken(folder: Path) -> None:
    for wrong, message in {
        "model=lstn": "Did you mean lstm",
        "model.hidden=3": "hidden",
        "--cfg": "config_dir",
    }.items():
        with pytest.raises(dlrun.UserError, match=message):
            dlrun.train(*SHORT, wrong)
    assert len(dlrun.runs()) == 1  # the one of before: a mistake leaves no folder


@pytest.mark.parametrize("what", [good, diverging, mistaken])
@pytest.mark.usefixtures("unusual")
@pytest.mark.slow
def test_nothing_global_is_changed(what: Callable[[Path], None], tmp_path: Path) -> None:
    dlrun.train(*SHORT)  # what is imported for the first time may look around
    before = state()
    with torch.no_grad():
        what(tmp_path)
    after = state()
    assert {key: after[key] for key in after if after[key] != before[key]} == {}


@pytest.mark.slow
def test_two_runs_in_one_process_are_two_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit for bit, also after a run of another kind, and of another device setting, has been there."""
    monkeypatch.chdir(tmp_path)
    small = ("stand_in=always", "device=cpu", "trainer.log_every_steps=2", "trainer.epochs=2")
    lines = {
        "text": (
            *small,
            "model=lstm",
            "model.hidden=16",
            "model.embed=8",
            "model.dropout=0.3",
            "trainer.limit_batches=4",
        ),
        "table": (*small, "model=mlp", "data=airfoil", "optim=adam", "model.dropout=0.2"),
    }
    for name, words in lines.items():
        warm.end(tmp_path, warm.start(tmp_path, *words, f"folder=process-{name}"))
    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    for again in ("once", "again"):
        for name, words in lines.items():
            dlrun.train(*words, f"folder={again}-{name}", *(["device.deterministic=true"] if again == "again" else []))
            torch.rand(5)
            here, there = Run(f"{again}-{name}"), Run(f"process-{name}")
            assert here.numbers == there.numbers and len(here.numbers) > 3
            assert alike(here.weights("last"), there.weights("last")) and alike(
                here.weights("best"), there.weights("best")
            )


@pytest.mark.slow
def test_a_thread_trains_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at once wait for each other: random states are the process's."""
    monkeypatch.chdir(tmp_path)
    runs = {}

    def train(name: str) -> None:
        runs[name] = dlrun.train(*SHORT, "model=mlp", "model.dropout=0.2", f"folder={name}")

    threads = [threading.Thread(target=train, args=[name]) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    train("three")
    assert runs["one"].metrics["val/mse"] == runs["two"].metrics["val/mse"] == runs["three"].metrics["val/mse"]
    assert alike(Run("one").weights(), Run("two").weights()) and alike(Run("one").weights(), Run("three").weights())
