"""What one worker process does: it trains one job and tells the sweep how that goes. Then it ends.

A process of its own for every job: random state, TensorBoard writers and memory can't leak into the next one.
It is forked from a server that has torch imported, which takes about 15 ms instead of seconds.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from contextlib import suppress
from types import FrameType
from typing import Any, Protocol

import torch

from dlrun import console, kept
from dlrun.errors import DataError, DlrunError, Pruned, Stopped, UserError
from dlrun.rundir import RunDir
from dlrun.signals import SIGNALS
from dlrun.sweep.folder import Job
from dlrun.sweep.launcher import Seat
from dlrun.sweep.train_job import train


class Line(Protocol):
    """Between a worker and the sweep: one end of a pipe, or what stands for it."""

    def send(self, message: Any) -> None: ...

    def recv(self) -> Any: ...


def work(job: Job, seat: Seat, trusted: tuple[str, ...], connection: Line) -> None:
    """Trains a job, from the start or from its last checkpoint; its last message is ("ended", status, error)."""
    for number in SIGNALS:  # they reach all processes; the sweep passes them on as SIGTERM
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop_before_training)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # which `warm_up` held back
    if seat.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(seat.gpu)  # before CUDA starts in this process
    torch.set_num_threads(seat.threads)
    sys.stdin = open(os.devnull)  # noqa: SIM115 - it lives as long as the process
    with console.relayed(sender(connection)):
        status, error = "completed", None
        try:
            train(job, trusted=trusted, watch=Watch(connection), begin=redirect)
        except Pruned:
            status = "pruned"
        except Stopped as stopped:
            status, error = "interrupted", str(stopped)
        except (UserError, DataError) as mistake:
            status, error = "failed", str(mistake)
        except DlrunError as failure:
            status = job.run.read_summary().get("status", "failed")
            error = str(failure)
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

    def send(*message: Any) -> None:
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


class Watch:
    """Reports each evaluation to the sweep, which answers whether the job should be given up."""

    def __init__(self, connection: Line):
        self.connection = connection

    def __call__(self, epoch: int, step: int, value: float) -> bool:
        sender(self.connection)("evaluated", epoch, step, value)
        try:
            return bool(self.connection.recv())
        except (OSError, EOFError):
            os.kill(os.getpid(), signal.SIGTERM)
            return False
