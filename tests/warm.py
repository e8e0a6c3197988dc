"""dlrun in processes of its own that a test may kill, forked from one that has torch imported: seconds less each."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from dlrun.cli import exit_code
from dlrun.sweep.launcher import warm_up


def start(folder: Path, *arguments: str) -> ForkServerProcess:
    """`dlrun ...` in that folder, with a session of its own: what it starts can be killed with it, by the group."""
    warm_up()
    process = multiprocessing.get_context("forkserver").Process(target=dlrun, args=(folder, arguments))
    process.start()
    return process


def dlrun(folder: Path, arguments: tuple[str, ...]) -> None:
    """In the new process: what it prints goes into a file."""
    os.setsid()
    os.chdir(folder)
    written = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(written, 1)
    os.dup2(written, 2)
    sys.exit(exit_code(list(arguments)))


def end(folder: Path, process: ForkServerProcess, code: int = 0) -> str:
    """Waits for a process, which must end with that code; what it printed."""
    process.join(timeout=240)
    output = (folder / "output.txt").read_text()
    assert process.exitcode == code, f"ended with {process.exitcode}: {output}"
    return output


def wait_until(condition: Callable[[], bool], process: ForkServerProcess) -> None:
    """Until something is seen of a process that must not end before."""
    deadline = time.monotonic() + 120
    while not condition():
        assert process.is_alive(), "it ended before it could be killed"
        assert time.monotonic() < deadline, "it does not come on"
        time.sleep(0.005)


def kill_all(process: ForkServerProcess) -> None:
    """SIGKILL to it and to all that it started."""
    assert process.pid is not None
    os.killpg(process.pid, signal.SIGKILL)
    process.join(timeout=30)
