"""Tests never touch the user's data folder: they share one of their own, in which each stand-in is made once."""

import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.cli import exit_code
from dlrun.run.signals import SIGNALS

# Tests run side by side, so one thread for each, and for processes of ours too. Set here: a conftest further down may
# import torch, which then takes as many threads as there are cores, before pytest_configure.
os.environ["OMP_NUM_THREADS"] = "1"
REAL_DATA = "real data: set DLRUN_MIRRORS"


def pytest_configure(config: pytest.Config) -> None:
    for number in SIGNALS:  # `nohup`, or `&` in a script, leaves some ignored, which our processes would inherit
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    if hasattr(config, "workerinput"):  # a worker of pytest-xdist has the environment of the process that started it
        return
    os.environ["DLRUN_DATA"] = tempfile.mkdtemp(prefix="dlrun-tests-")


def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`: one more than there are cores, since many tests wait for a process that they started."""
    return (os.cpu_count() or 1) + 1


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ["DLRUN_DATA"], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`@pytest.mark.real_data`: needs the files themselves, and is skipped, visibly, where they can't be had."""
    if os.environ.get("DLRUN_MIRRORS"):
        return
    for item in items:
        if item.get_closest_marker("real_data"):
            item.add_marker(pytest.mark.skip(reason=REAL_DATA))


@pytest.fixture
def cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs dlrun in an empty folder -> exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*argv: str) -> tuple[int, str, str]:
        code = exit_code(list(argv))
        written = capfd.readouterr()
        return code, written.out, written.err

    return run
