"""dlrun in processes of its own that a test may kill, forked from one that has torch imported: seconds less each."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from dlrun.cli import end_at_once, exit_code
from dlrun.run import signals
from dlrun.sweep.pool import warm_up
from dlrun.sweep.worker import asking


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
    signals.listen(end_at_once)  # as cli.main does
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals.SIGNALS)
    written = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(written, 1)
    os.dup2(written, 2)
    sys.exit(exit_code(list(arguments)))


def redirected(folder: Path, way: str, arguments: list[str]) -> None:
    """In a new process: dlrun with its streams as the shell would make them."""
    os.chdir(folder)
    for number, name in ((1, "stdout.txt"), (2, "stderr.txt")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    reader, left = os.pipe()
    os.close(reader)
    for number, redirected in {
        0: ("<",),
        1: (">", "&>", "|", "2>&1 |"),
        2: ("2>", "&>", "2>&1 |"),
    }.items():
        for each in way.replace(">&- 2>&-", ">&-, 2>&-").split(", "):
            if each.endswith("&-") and each[:-2] in redirected:
                os.close(number)
            elif each.rpartition(" ")[0] in redirected:
                target = os.open("/dev/full", os.O_WRONLY) if each.endswith("full") else left
                os.dup2(target, number)
    for number, name in enumerate(("stdin", "stdout", "stderr")):  # as Python itself would have started
        try:
            os.fstat(number)
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))
        except OSError:
            setattr(sys, name, None)
    sys.exit(exit_code(arguments))


def wait_for_an_answer(line: Connection) -> None:
    """In a new process: a sweep's job that asks whether to go on. 7: it was told to stop, and nobody answered."""
    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))  # as a run that saves at its next step
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals.SIGNALS)
    answer = asking(line)(1, 10, 0.5)
    sys.exit(7 if told and not answer else 1)


def end(folder: Path, process: ForkServerProcess, code: int = 0) -> str:
    """Waits for a process, which must end with that code; what it printed."""
    process.join(timeout=120)
    if process.is_alive():
        kill_all(process)
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
