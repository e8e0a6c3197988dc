"""Signals: early ones end in one line and leave nothing; later ones save; a second Ctrl-C stops at once."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
import warm
from runs import Run

from dlrun.errors import Stopped
from dlrun.run.folder import RunDir
from dlrun.run.signals import GracefulStop
from dlrun.run.summary import Summary

ENDLESS = ["data=airfoil", "stand_in=always", "trainer.epochs=200000", "trainer.log_every_steps=1", "device=cpu"]
CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129, "SIGUSR1": 138}
# dlrun in a new Python, to which a signal is sent in the midst of importing a module.
EARLY = """
import os, signal, sys

def hook(event, details):
    if event == "import" and details[0] == {module!r}:
        os.kill(os.getpid(), signal.{name})

sys.addaudithook(hook)
from dlrun.cli import main
main()
"""


def hidden(folder: Path) -> list[str]:
    """Temporary files that were left."""
    return [path.name for path in folder.rglob(".*") if path.name != ".lock"]


@pytest.mark.parametrize("name", CODES)
@pytest.mark.slow
def test_one_signal_finishes_the_step_and_saves(name: str, tmp_path: Path) -> None:
    run = tmp_path / "a run"
    process = warm.start(tmp_path, *ENDLESS, "folder=a run")
    warm.wait_until(lambda: Run(run).step >= 3, process)
    os.kill(process.pid, getattr(signal, name))
    output = warm.end(tmp_path, process, CODES[name])
    state = Run(run).state()
    assert Run(run).summary["status"] == "interrupted" and state["trainer"]["step"] == Run(run).step
    last = output.splitlines()[-1]
    assert last == f"Stopped at step {Run(run).step}. Go on: dlrun resume 'a run'"
    assert "error" not in output and hidden(run) == []


@pytest.mark.parametrize("apart", [0, 0.001, 0.01, 0.1])
@pytest.mark.slow
def test_a_second_ctrl_c_stops_at_once(apart: float, tmp_path: Path) -> None:
    """Wherever it hits: between two steps, in torch, in the midst of a checkpoint."""
    run = tmp_path / "run"
    process = warm.start(tmp_path, *ENDLESS, "trainer.checkpoint_every_steps=1", "folder=run")
    warm.wait_until(lambda: Run(run).step >= 3, process)
    os.kill(process.pid, signal.SIGINT)
    time.sleep(apart)
    with suppress(ProcessLookupError):  # the first one was enough
        os.kill(process.pid, signal.SIGINT)
    output = warm.end(tmp_path, process, 130)
    assert Run(run).summary["status"] == "interrupted" and "Traceback" not in output and "error" not in output, output
    assert "dlrun resume run" in output.splitlines()[-1]
    assert Run(run).state()["trainer"]["step"] > 0 and hidden(run) == []


def test_a_second_ctrl_c_while_the_end_is_written(tmp_path: Path) -> None:
    class Folder(RunDir):
        def write_summary(self, summary: Mapping[str, object]) -> None:
            if summary["status"] == "interrupted" and not stop.at_once:
                signal.raise_signal(signal.SIGINT)
            super().write_summary(summary)

    run = Folder(tmp_path)
    with pytest.raises(Stopped), GracefulStop() as stop, Summary(run, {}).kept():
        signal.raise_signal(signal.SIGINT)
        raise Stopped("as asked", signal.SIGINT)
    assert stop.at_once and run.read_summary()["status"] == "interrupted"


@pytest.mark.slow
def test_what_repeats_itself_does_not_cut_the_saving_short(tmp_path: Path) -> None:
    """A closed terminal sends SIGHUP twice; Slurm warns, then sends SIGTERM."""
    run = tmp_path / "run"
    process = warm.start(tmp_path, *ENDLESS, "folder=run")
    warm.wait_until(lambda: Run(run).step >= 3, process)
    for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGHUP, signal.SIGTERM):
        os.kill(process.pid, number)
    process.join(60)
    assert process.exitcode in (129, 138, 143) and Run(run).summary["status"] == "interrupted"
    assert Run(run).state()["trainer"]["step"] == Run(run).step


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        ("rich.console", "SIGINT", [*ENDLESS]),
        ("hydra", "SIGINT", [*ENDLESS]),
        ("numpy", "SIGINT", [*ENDLESS]),
        ("torch._C", "SIGINT", [*ENDLESS]),
        ("torch._C", "SIGTERM", [*ENDLESS]),
        ("numpy", "SIGHUP", [*ENDLESS]),
        ("hydra", "SIGINT", ["-m", "seed=0,1"]),
        ("dlrun.config.assemble", "SIGINT", ["-m", "seed=0,1"]),
    ],
)
@pytest.mark.slow
def test_an_early_signal_ends_in_one_line_and_leaves_nothing(
    module: str, name: str, arguments: Iterable[str], tmp_path: Path
) -> None:
    code = EARLY.format(module=module, name=name)
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr, done.stdout) == (CODES[name], "interrupted\n", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_what_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """`nohup dlrun ...` trains on when the terminal goes."""
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)" + EARLY.format(module="torch", name="SIGHUP")
    arguments = ["trainer.epochs=1", "data.n=20", "folder=run"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0 and Run(tmp_path / "run").summary["status"] == "completed"


SWEEP = ["-m", "seed=0,1,2,3", "launcher.workers=2", *ENDLESS, "folder=s"]


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP", "SIGTERM"])  # SIGUSR1 goes the way of SIGHUP
@pytest.mark.slow
def test_a_signal_to_all_of_a_sweep_saves_its_jobs(name: str, tmp_path: Path) -> None:
    sweep = tmp_path / "s"
    process = warm.start(tmp_path, *SWEEP)
    warm.wait_until(lambda: sum(Run(job).step >= 2 for job in sweep.glob("*/")) == 2, process)  # both have begun
    os.killpg(process.pid, getattr(signal, name))
    output = warm.end(tmp_path, process, CODES[name])
    assert output.splitlines()[-1] == "The sweep was stopped. Go on: dlrun resume s"
    found = sorted(sweep.glob("*/summary.json"))
    assert [json.loads(path.read_text())["status"] for path in found] == ["interrupted"] * 2
    assert all((path.parent / "checkpoints/last.pt").exists() for path in found), output
    assert "Traceback" not in output and "error" not in output


@pytest.mark.slow
def test_a_second_ctrl_c_stops_a_sweep_at_once(tmp_path: Path) -> None:
    sweep = tmp_path / "s"
    process = warm.start(tmp_path, *SWEEP)
    warm.wait_until(lambda: sum(Run(job).step for job in sweep.glob("*/")) >= 4, process)
    os.killpg(process.pid, signal.SIGINT)
    os.killpg(process.pid, signal.SIGINT)
    output = warm.end(tmp_path, process, 130)
    assert output.splitlines()[-1] == "The sweep was stopped. Go on: dlrun resume s" and "Traceback" not in output
