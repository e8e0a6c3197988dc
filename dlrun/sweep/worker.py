"""What the process of one job does: it trains, from the start or on from its last checkpoint, and tells how that goes.

A process of its own for every job: random state, TensorBoard writers and memory can't leak into the next one.
It is forked from a server that has torch imported, which takes about 15 ms instead of seconds.
"""

import copy
import gc
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Protocol

import torch

from dlrun import console
from dlrun.config import catalogue
from dlrun.config.typed import names_data
from dlrun.errors import DlrunError, Stopped
from dlrun.run import checkpoint, saved, session
from dlrun.run.folder import RunDir
from dlrun.run.signals import SIGNALS, ShouldPrune, never_prune
from dlrun.store import kept
from dlrun.sweep import leaderboard
from dlrun.sweep.folder import Job, SweepDir, trained_on_the_same
from dlrun.sweep.launcher import Slot

PATIENCE = 10.0  # seconds that a resumed job waits for the process that had it before


class Line(Protocol):
    """Between a worker and the sweep: one end of a pipe, or what stands for it."""

    def send(self, message: object) -> None: ...

    def recv(self) -> object: ...


def train(
    job: Job,
    *,
    trusted: Sequence[str],
    should_prune: ShouldPrune = never_prune,
    begin: Callable[[RunDir], object] = lambda run: None,
) -> None:
    """`begin(run)` is called once the folder is this job's own. Raises what the run raises."""
    run = job.run
    if run.path.exists():
        run.wait_until_free(PATIENCE)
    if any(run.has_checkpoint(name) for name in checkpoint.NEWEST_FIRST):
        begin(run)
        session.resume(run, saved.open_spec(run, trust=trusted), overrides=job.overrides, should_prune=should_prune)
        return
    if run.path.exists():  # it was killed before its first checkpoint
        shutil.rmtree(run.path)
    run = RunDir.create(run.path)
    begin(run)
    config, replaceable = copy.deepcopy(job.config), not names_data(job.overrides)
    catalogue.fill_in(config)  # the sweep may be older than this dlrun
    session.start(
        config,
        job.overrides,
        trusted=trusted,
        replaceable=replaceable,
        should_prune=should_prune,
        run=run,
        again=trained_on_the_same(job),
    )


# a process of this machine's, or of a cluster's


def work(job: Job, slot: Slot, trusted: tuple[str, ...], connection: Line) -> None:
    """Trains a job, from the start or from its last checkpoint; its last message is ("ended", status, error)."""
    for number in SIGNALS:  # they reach all processes; the sweep passes them on as SIGTERM
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop_before_training)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # which `warm_up` held back
    if slot.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(slot.gpu)  # before CUDA starts in this process
    torch.set_num_threads(slot.threads)
    sys.stdin = open(os.devnull)  # noqa: SIM115 - it lives as long as the process
    with console.relayed(sender(connection)):
        status, error = "completed", None
        try:
            train(job, trusted=trusted, should_prune=asking(connection), begin=redirect)
        except DlrunError as end:
            status, error = end.status, str(end)
        except BaseException as crash:
            status, error = "failed", f"{type(crash).__name__}: {crash}"
            with suppress(OSError):  # of a full disk
                job.run.path.mkdir(exist_ok=True)
                with open(kept.open_to_append(job.run.path, "run.log"), "a", encoding="utf-8") as log:
                    log.write(traceback.format_exc())
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it has ended already
        sender(connection)("ended", status, error)


def stop_before_training(number: int, frame: FrameType | None) -> None:
    """Until the run listens to signals itself."""
    signal.signal(number, signal.SIG_IGN)  # told once is enough
    raise Stopped("Stopped before its first step.", number)


def sender(connection: Line) -> console.Relay:
    """Tells the sweep something. A sweep that is gone can't be told: then this job saves and stops as well."""

    def send(*message: object) -> None:
        try:
            connection.send(message)
        except OSError:
            os.kill(os.getpid(), signal.SIGTERM)

    return send


def redirect(run: RunDir) -> None:
    """What libraries print goes to the job's log: many jobs share one terminal."""
    log = kept.open_to_append(run.path, "run.log")
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)


def asking(connection: Line) -> ShouldPrune:
    """Reports each evaluation to the sweep, which answers whether the job should be given up."""

    def should_prune(epoch: int, step: int, value: float) -> bool:
        sender(connection)("evaluated", epoch, step, value)
        try:
            return bool(connection.recv())
        except (OSError, EOFError):
            os.kill(os.getpid(), signal.SIGTERM)
            return False

    return should_prune


# a process of one of Hydra's launchers


class SweepStopped(BaseException):
    """Leaves Hydra's own launcher, which catches every Exception of a job."""


def train_elsewhere(folder: Path, number: int, trusted: Sequence[str]) -> str:
    """A job in any process on any machine: its status. It never raises an Exception, so that the others go on.

    A job that was preempted and sent again goes on from its checkpoint.
    """
    sweep = SweepDir.open(folder)
    jobs = sweep.jobs()
    job = jobs[number]
    try:
        train(job, trusted=trusted)
    except Stopped as error:
        raise SweepStopped from error
    except DlrunError as error:
        console.error(f"job {number} ({' '.join(job.overrides)}): {error}")
        sweep.note_failure(job, str(error))
    finally:
        gc.collect()  # one job's tensors must not crowd out the next one's
        with sweep.writing():
            leaderboard.write(sweep, jobs)
    return sweep.status(job)
