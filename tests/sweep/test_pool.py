"""Worker processes: how one died, what waits while one is started, and what it does not import."""

import multiprocessing
import signal
import sys

import pytest
import warm

from dlrun.run.signals import SIGNALS
from dlrun.sweep import pool
from dlrun.sweep.folder import Job
from dlrun.sweep.launcher import Launcher, Slot


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (-signal.SIGTERM, "killed by SIGTERM"),
        (-signal.SIGKILL, "killed by SIGKILL (the machine may have run out of memory)"),
        (3, "its process ended with code 3"),
        (None, "its process ended with code None"),
    ],
)
def test_how_it_died(code: int | None, said: str) -> None:
    assert pool.how_it_died(code) == said


def test_a_signal_that_comes_while_a_process_starts_is_heard_afterwards() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))
    try:
        with pool.held_back():
            assert signal.pthread_sigmask(signal.SIG_BLOCK, []) >= set(SIGNALS)
            signal.raise_signal(signal.SIGUSR1)  # to this thread: another one would hear it
            assert heard == []
        assert heard == [signal.SIGUSR1]
        assert not signal.pthread_sigmask(signal.SIG_BLOCK, []) & set(SIGNALS)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_new_process_knows_nothing_of_the_program_that_sweeps() -> None:
    main = sys.modules["__main__"]
    with pytest.raises(OSError), pool.without_main():
        assert not hasattr(sys.modules["__main__"], "__file__") and sys.modules["__main__"] is not main
        raise OSError("no process could be started")
    assert sys.modules["__main__"] is main


def test_a_job_that_waits_for_an_answer_hears_that_nobody_is_left() -> None:
    """A search that can't go on asked it to save and end, and then both waited for each other."""
    pool.warm_up()
    workers = pool.Workers(Launcher(workers=1, threads=1, gpus=None, ignore_missing_keys=False), 1, ())
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=warm.wait_for_an_answer, args=(theirs,))
    process.start()
    theirs.close()
    workers.busy[ours] = (Job(0, [], {"folder": "s/0-x"}), Slot(1, None), process)
    assert ours.recv() == ("evaluated", 1, 10, 0.5)
    workers.let_go()
    process.join(30)
    assert process.exitcode == 7
