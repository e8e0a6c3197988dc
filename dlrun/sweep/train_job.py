"""One job of a sweep, wherever it runs: from its start, or on from its last checkpoint."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dlrun import checkpoint, console, saved, session
from dlrun.errors import DlrunError, Stopped
from dlrun.rundir import RunDir
from dlrun.signals import Watch, nobody
from dlrun.sweep import leaderboard
from dlrun.sweep.folder import Job, SweepDir

PATIENCE = 10.0  # seconds that a resumed job waits for the process that had it before


class SweepStopped(BaseException):
    """Leaves Hydra's own launcher, which catches every Exception of a job."""


def train(
    job: Job,
    *,
    trusted: Sequence[str],
    watch: Watch = nobody,
    begin: Callable[[RunDir], Any] = lambda run: None,
) -> None:
    """`begin(run)` is called once the folder is this job's own. Raises what the run raises."""
    run = job.run
    if run.path.exists():
        run.wait_until_free(PATIENCE)
    if any(run.has_checkpoint(name) for name in checkpoint.NEWEST_FIRST):
        begin(run)
        session.resume(run, saved.open_plans(run, trust=trusted), overrides=job.overrides, watch=watch)
        return
    if run.path.exists():  # it was killed before its first checkpoint
        shutil.rmtree(run.path)
    run = RunDir.create(run.path)
    begin(run)
    session.start(dict(job.config), job.overrides, trusted=trusted, replaceable=job.replaceable(), watch=watch, run=run)


def train_elsewhere(folder: Path, number: int, trusted: Sequence[str]) -> str:
    """A job under one of Hydra's launchers, in any process on any machine: its status. It never raises an Exception,

    so that the others go on. A job that was preempted and sent again goes on from its checkpoint.
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
