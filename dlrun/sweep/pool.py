"""Worker processes, one for each running job, forked from a server that has torch imported already.

`launcher:` says how many there are, and each has its part of the machine. Where a system has no such server, each
worker is a new Python, which imports torch by itself.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from types import ModuleType
from typing import Any, Literal

from dlrun.run.signals import SIGNALS
from dlrun.sweep.folder import Job
from dlrun.sweep.launcher import Launcher, Slot

METHOD = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
# What a job would otherwise import by itself, a second or two each time; dynamo is imported by torch's optimizers.
WARM = ["dlrun.sweep.worker", "torch._dynamo", "torch.utils.tensorboard"]


def warm_up() -> None:
    """Starts the server, which imports torch beside us while we still compose and check.

    It holds signals back: Ctrl-C and a lost terminal reach it too, in mid-import. Its children inherit that, and let
    them through once they can listen: none is lost in between.
    """
    if METHOD == "forkserver":
        forkserver.set_forkserver_preload(WARM)
        with held_back():
            forkserver.ensure_running()


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Signals wait, also in a process that is started meanwhile, until `worker.work` lets them through there."""
    resource_tracker.ensure_running()  # which would let them through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


At = tuple[Literal["at"], str, float, float, dict[str, float]]  # title, fraction of the pass, seconds left, metrics
Warned = tuple[Literal["warned"], str]
Evaluated = tuple[Literal["evaluated"], int, int, float]  # epoch, step, value of the goal; it waits for an answer
Ended = tuple[Literal["ended"], str, str | None]  # status, error
Message = At | Warned | Evaluated | Ended


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """A new process imports the program that started it. A script that calls `dlrun.sweep` would sweep once more there,
    unless it has `if __name__ == "__main__":`; a worker needs nothing of it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


@dataclass(frozen=True)
class Event:
    """What a worker says."""

    job: Job
    message: Message


class Workers:
    """Up to as many processes at once as there are slots. conf/hydra/launcher/local.yaml."""

    def __init__(self, launcher: Launcher, jobs: int, trusted: tuple[str, ...]):
        self.free = launcher.slots(jobs)
        self.trusted = trusted
        self.busy: dict[Connection, tuple[Job, Slot, BaseProcess]] = {}
        self.context: Any = multiprocessing.get_context(METHOD)  # what a context can make is not in its type
        warm_up()

    def start(self, job: Job) -> None:
        slot = self.free.pop(0)
        ours, theirs = self.context.Pipe()
        arguments = (job, slot, self.trusted, dict(os.environ), theirs)
        process = self.context.Process(target=begin, args=arguments, daemon=False)
        with held_back(), without_main():
            process.start()
        theirs.close()  # so that its end is seen here
        self.busy[ours] = (job, slot, process)

    def events(self, seconds: float) -> Iterator[Event]:
        """What was said until now, waiting for so long at most. A process that died without a word has ended too."""
        for connection in wait(list(self.busy), timeout=seconds):
            assert isinstance(connection, Connection)
            job = self.busy[connection][0]
            message: Message
            try:
                message = connection.recv()
            except (EOFError, OSError):
                message = ("ended", "failed", None)
            if message[0] == "ended":
                code = self.release(connection)
                if message[1:] == ("failed", None):
                    message = ("ended", "failed", how_it_died(code))
            yield Event(job, message)

    def answer(self, job: Job, value: bool) -> None:
        connection = next(each for each, (held, *_) in self.busy.items() if held is job)
        with contextlib.suppress(OSError):  # it has died: its end is the next event
            connection.send(value)

    def release(self, connection: Connection) -> int | None:
        """Waits for the process, whose slot is free again. Its exit code: minus the signal that killed it."""
        _, slot, process = self.busy.pop(connection)
        connection.close()
        process.join()
        self.free.append(slot)
        return process.exitcode

    def signal_all(self, number: int) -> None:
        for _, _, process in self.busy.values():
            if process.pid and process.is_alive():
                os.kill(process.pid, number)

    def let_go(self) -> None:
        """What runs saves and ends; whoever waits for an answer hears that there will be none."""
        self.signal_all(signal.SIGTERM)
        for connection in self.busy:
            connection.close()


def begin(job: Job, slot: Slot, trusted: tuple[str, ...], environment: dict[str, str], connection: Connection) -> None:
    """In the new process, whose environment is that of the moment when the server was started."""
    os.environ.clear()
    os.environ.update(environment)

    from dlrun.sweep.worker import work

    work(job, slot, trusted, connection)


def how_it_died(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}" + (" (the machine may have run out of memory)" if name == "SIGKILL" else "")
    return f"its process ended with code {code}"
