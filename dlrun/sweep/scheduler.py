"""Keeps all workers busy until there are no more jobs, shows how they do, and keeps the leaderboard."""

import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sized
from typing import Protocol

from dlrun import console
from dlrun.errors import DlrunError, Stopped
from dlrun.run.signals import AtOnce, GracefulStop
from dlrun.store import kept
from dlrun.sweep import leaderboard
from dlrun.sweep.folder import ENDED, Job, SweepDir
from dlrun.sweep.launcher import Slot
from dlrun.sweep.pool import Event
from dlrun.sweep.table import JobState, LiveTable
from dlrun.terminal.plain import command

STOPPING = "stopping: what runs is saved"
KILL_AFTER = 60.0  # seconds that a worker has to save and end, once it was asked to


class Workers(Protocol):
    """Who runs the jobs: processes of this machine (`pool.Workers`) or of a cluster (`ray.RayWorkers`)."""

    free: list[Slot]

    @property
    def busy(self) -> Sized: ...

    def start(self, job: Job) -> None: ...

    def events(self, seconds: float) -> Iterator[Event]: ...

    def answer(self, job: Job, value: bool) -> None: ...

    def signal_all(self, number: int) -> None: ...

    def let_go(self) -> None: ...


class FixedJobs:
    """Where jobs come from: those that are known from the start. `common`: overrides that all jobs share."""

    def __init__(self, waiting: Iterable[Job], common: list[str]):
        self.waiting, self.common = deque(waiting), common

    def next(self) -> Job | None:
        return self.waiting.popleft() if self.waiting else None

    def should_prune(self, job: Job, epoch: int, step: int, value: float) -> bool:
        """Whether a job is given up after an evaluation, and `ended` how it came out: a search asks and listens."""
        return False

    def ended(self, job: Job, status: str) -> None:
        pass


class Scheduler:
    """One session of a sweep. `jobs`: all that it has, those of earlier sessions too; a search appends to them."""

    def __init__(self, sweep: SweepDir, jobs: list[Job], source: FixedJobs, workers: Workers):
        self.sweep, self.jobs, self.source, self.workers = sweep, jobs, source, workers
        self.warned: set[str] = set()

    def run(self) -> None:
        """Raises Stopped after a signal, and RunFailed when a job has failed, both with the table shown."""
        with GracefulStop(STOPPING) as stop:
            try:
                self.go(stop)
            except AtOnce:
                self.workers.signal_all(signal.SIGKILL)
                raise self.stopped(stop) from None
            except OSError as error:  # the sweep's own files can't be written: what runs saves and ends
                self.workers.let_go()
                raise kept.unwritable(self.sweep.path, error) from error

    def go(self, stop: GracefulStop) -> None:
        with console.log_to(self.sweep.path, "sweep.log"):
            console.say(f"sweep: {self.sweep.path}, {len(self.workers.free)} at a time")
            if self.source.common:
                console.say(f"all jobs: {' '.join(self.source.common)}")
            titles = {job.number: self.title(job) for job in self.jobs}
            with LiveTable(titles, len(self.workers.free)) as table:
                for job in self.jobs:
                    if (status := self.sweep.status(job)) in ENDED:
                        table.states[job.number] = JobState(status)
                try:
                    self.loop(table, stop)
                except DlrunError:  # a search can't write down how its trials do: what runs saves and ends
                    self.workers.let_go()
                    raise
            self.finish(stop)

    def loop(self, table: LiveTable, stop: GracefulStop) -> None:
        asked = told = None  # when the workers were asked to stop, first and last
        while True:
            while self.workers.free and not stop.number and (job := self.source.next()):
                if job not in self.jobs:
                    self.jobs.append(job)
                    table.add(job.number, self.title(job))
                self.workers.start(job)
                table.note(job.number, "running")
            if not self.workers.busy:
                return
            for event in self.workers.events(0.25):
                self.take(event, table)
            now = time.monotonic()
            if stop.number and (told is None or now - told > 1):  # again and again: to be told twice harms nobody
                asked, told = asked or now, now
                self.workers.signal_all(signal.SIGTERM)
            if asked and now - asked > KILL_AFTER:
                self.workers.signal_all(signal.SIGKILL)

    def title(self, job: Job) -> str:
        return " ".join(each for each in job.overrides if each not in self.source.common)

    def take(self, event: Event, table: LiveTable) -> None:
        job = event.job
        match event.message:
            case ("at", title, fraction, left, metrics):
                table.at(job.number, title, fraction, left, metrics)
            case ("warned", text):
                if text not in self.warned:
                    self.warned.add(text)
                    console.warn(f"job {job.number}: {text}")
            case ("evaluated", epoch, step, value):
                self.workers.answer(job, self.source.should_prune(job, epoch, step, value))
            case ("ended", status, error):
                if status == "failed":
                    self.sweep.note_failure(job, error or "")
                self.source.ended(job, status)
                leaderboard.write(self.sweep, self.jobs)
                table.note_result(job.number, self.sweep.row(job))
                table.note(job.number, status, self.how(job, status, error))

    def how(self, job: Job, status: str, error: str | None) -> str:
        """A job's last line: its best value and time, or what went wrong and where to read more."""
        if status in ("failed", "diverged"):
            return f"{error}  log: {job.run.path}/run.log"
        row = self.sweep.row(job)
        seconds = f"{row['duration_s']:.1f} s" if row["duration_s"] is not None else ""
        return f"{row['metric']} {console.number(row['best'])}  {seconds}"

    def finish(self, stop: GracefulStop) -> None:
        rows = leaderboard.show(self.sweep, self.jobs)
        if stop.number:
            raise self.stopped(stop)
        leaderboard.raise_failures(self.sweep, rows)

    def stopped(self, stop: GracefulStop) -> Stopped:
        assert stop.number is not None
        again = command("resume", self.sweep.path)
        return Stopped(f"The sweep was stopped. Go on: {again}", stop.number).of(self.sweep.path)
