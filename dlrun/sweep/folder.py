"""One sweep's folder: what its jobs are, how each ended, who is best. Plain files, readable without dlrun.

sweep.json   the command, the launcher's settings        jobs.jsonl   one object per job: number, overrides, config
<n>-<model>-<data>/   each job's run folder              leaderboard.json, leaderboard.md   rewritten after each job
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from dlrun.config.outputs import name_of
from dlrun.config.own_data import PATHS
from dlrun.errors import UserError, refuse_newer
from dlrun.files import own
from dlrun.run.folder import RunDir
from dlrun.run.records import Format, JobRecord, Summary, SweepFacts, SweepRow
from dlrun.store import decode, kept
from dlrun.store.kept import Missing, Unreadable
from dlrun.terminal.plain import command

if TYPE_CHECKING:
    from dlrun.config.compose import Composed

SWEEP_FORMAT = 1  # of sweep.json and jobs.jsonl; raised when an older dlrun would misread them
ENDED = ("completed", "pruned", "failed", "diverged")
JOBS_LIMIT, MOST_JOBS = 2**29, 50_000  # bytes and lines of jobs.jsonl


@dataclass(frozen=True)
class Job:
    """One run of a sweep. `config` is resolved and its `folder` the run's own, so no Hydra is needed to start it."""

    number: int
    overrides: list[str]
    config: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.config["folder"]).rpartition("/")[2]

    @property
    def run(self) -> RunDir:
        return RunDir(Path(self.config["folder"]))


class SweepDir:
    """A sweep's folder. `create` makes a new one, `open` finds one; `working` holds it for this process alone."""

    def __init__(self, path: Path, *, saved: bool = False):
        self.path, self.saved = path, saved
        self.rows: dict[int, SweepRow] = {}  # of jobs that have ended: their files do not change any more

    @classmethod
    def create(cls, wanted: Path, facts: Mapping[str, object]) -> SweepDir:
        path = RunDir.create(wanted).path  # the same race for a name, won by one
        (path / "checkpoints").rmdir()
        kept.write_json(path, "sweep.json", {"format": SWEEP_FORMAT, **facts})
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> SweepDir:
        sweep = cls(path, saved=True)
        sweep.facts()
        return sweep

    def facts(self) -> SweepFacts:
        refuse_newer(
            f"{self.path}/sweep.json", kept.read_json(self.path, "sweep.json", Format).get("format"), SWEEP_FORMAT
        )
        return kept.read_json(self.path, "sweep.json", SweepFacts)

    @contextmanager
    def working(self) -> Iterator[SweepDir]:
        """Two processes working on one sweep would train the same jobs twice."""
        with kept.held(self.path, f"{self.path} is in use: another dlrun works on this sweep."):
            yield self

    def writing(self) -> filelock.FileLock:
        """Held while the leaderboard is written by jobs that know nothing of each other."""
        return filelock.FileLock(self.path / ".leaderboard.lock")

    # jobs

    def add(self, jobs: Sequence[Job]) -> None:
        """Appends jobs: all of them, also where the process is killed. Those of a search come one by one."""
        lines = "".join(json.dumps(asdict(job), default=str) + "\n" for job in jobs).encode()
        if len(jobs) != 1:
            there = b"".join(line + b"\n" for line in self.job_lines())
            kept.replace(self.path, "jobs.jsonl", lambda file: file.write(there + lines))
            return
        handle = kept.open_to_append(self.path, "jobs.jsonl")
        try:
            kept.append(handle, lines)
        finally:
            os.close(handle)

    def job_lines(self) -> list[bytes]:
        """The whole ones: what a kill has cut short is no job."""
        try:
            return kept.read(self.path, "jobs.jsonl", JOBS_LIMIT).split(b"\n")[:-1]
        except Missing:
            return []

    def jobs(self) -> list[Job]:
        """UserError for a line that is damaged, and for a job whose folder is not one of this sweep's own."""
        lines = self.job_lines()
        if len(lines) > MOST_JOBS:
            raise Unreadable(f"{self.path}/jobs.jsonl has {len(lines):,} jobs; {MOST_JOBS:,} are the limit.")
        return [self.read_job(line, number) for number, line in enumerate(lines, 1)]

    def read_job(self, line: bytes, number: int) -> Job:
        """A sweep that was moved: its jobs lie beside the file that lists them, wherever they were before."""
        try:
            found = decode.record(decode.json_value(line), JobRecord)
            job = Job(found["number"], found["overrides"], dict(found["config"]))
            if not {"choices", "folder"} <= set(job.config):
                raise ValueError("the config is not a run's")
            place = self.path / (name := job.name)
            there = os.path.lexists(place)
            if not name.startswith(f"{job.number}-") or (there and (place.is_symlink() or not place.is_dir())):
                raise ValueError(f"{name} is no folder of this sweep")
        except ValueError as error:
            raise Unreadable(f"{self.path}/jobs.jsonl, line {number}, can't be read: {error}") from error
        return Job(job.number, job.overrides, job.config | {"folder": str(self.path / name)})

    def job(self, number: int, composed: Composed) -> Job:
        overrides, config = composed
        name = name_of(config["choices"], own_files(config).get("data.path"))
        made = Job(number, overrides, config | {"folder": str(self.path / f"{number}-{name}")})
        if self.saved:
            with_known_files([made])
        return made

    @staticmethod
    def summary(job: Job) -> Summary:
        """What a job says of itself, with its status: waiting, running, interrupted, or how it ended."""
        try:
            summary = job.run.read_summary()
        except Unreadable as error:
            return {"status": "failed", "error": str(error)}
        if summary.get("status") == "running" and not job.run.in_use():
            summary["status"] = "interrupted"  # killed: nobody was left to write it down
        return summary

    def status(self, job: Job) -> str:
        return self.summary(job).get("status", "waiting")

    def note_failure(self, job: Job, reason: str) -> None:
        """A job that could not say itself how it ended: killed, or failed before its first step."""
        job.run.path.mkdir(exist_ok=True)
        summary = self.summary(job)
        if summary.get("status") in ENDED:
            return
        if not (job.run.path / "config.yaml").exists():
            job.run.write_config(job.config)
        known = {"choices": job.config["choices"], "overrides": job.overrides, "seed": job.config.get("seed")}
        job.run.write_summary(known | summary | {"status": "failed", "error": reason})

    def row(self, job: Job) -> SweepRow:
        """A job in the leaderboard, without its rank."""
        if job.number in self.rows:
            return self.rows[job.number]
        summary = self.summary(job)
        goal = summary.get("goal", {})
        row: SweepRow = {
            "rank": None,
            "job": job.number,
            "status": summary.get("status", "waiting"),
            "overrides": job.overrides,
            "metric": goal.get("metric"),
            "mode": goal.get("mode"),
            "best": goal.get("best"),
            "last": summary.get("metrics", {}).get(goal.get("metric") or ""),
            "duration_s": summary.get("duration_s"),
            "folder": job.name,
            "error": summary.get("error"),
        }
        if row["status"] in ENDED:
            self.rows[job.number] = row
        return row


def own_files(config: Mapping[str, object]) -> dict[str, object]:
    """The files of the user's own that a run's config names, by their keys."""
    data = config.get("data")
    found = {key: data.get(key.removeprefix("data.")) for key in PATHS} if isinstance(data, dict) else {}
    return {key: path for key, path in found.items() if path is not None}


def trained_on_the_same(job: Job) -> RunDir | None:
    """A run of the same sweep that says which files of the user's own it read, and names the same; None for others."""
    wanted, run = own_files(job.config), job.run
    for path in sorted(run.path.parent.iterdir()) if wanted else ():
        try:
            other = RunDir(path)
            if other.read_summary().get("data", {}).get("sha256") and own_files(other.read_config()) == wanted:
                return other
        except UserError:  # no run, or one that can't be read
            continue
    return None


def with_known_files(jobs: list[Job]) -> list[Job]:
    """The same jobs. UserError for one that would be the first to read a file of the user's own.

    A saved sweep may be anybody's, and no run of it knows which file was meant.
    """
    for job in jobs:
        if not job.run.path.exists() and (files := own_files(job.config)) and trained_on_the_same(job) is None:
            raise UserError(
                f"{job.run.path.parent} names {next(iter(files.values()))}, and none of its runs says which file that "
                "was. Type the sweep once more as it was typed first."
            )
    return jobs


def refuse_other_files(jobs: Sequence[Job]) -> None:
    """UserError where a file of the user's own is gone, or another than runs of the sweep have read: otherwise each

    job would fail for it in turn, and a search would count them all as tried. Folders are looked at by the jobs alone,
    and so are lists of pictures, whose digest is that of the pictures.
    """
    for job in {frozenset(own_files(job.config).items()): job for job in jobs}.values():
        if (run := trained_on_the_same(job)) is None:
            continue
        for key, path in own_files(job.config).items():
            place = own.there(str(path), key)
            if not place.is_file() or job.config["choices"].get("data") == "images":
                continue
            if own.digest_of(place) not in run.read_summary().get("data", {}).get("sha256", {}).values():
                raise UserError(
                    f"{place.name} is not the file that {run.path} was trained on: its digest differs, and a sweep "
                    f"stays with one. Put that one back, then type: {command('resume', run.path.parent)}"
                )


def common(jobs: Sequence[Job]) -> list[str]:
    """The overrides that all jobs share; none when there is but one job."""
    shared = set.intersection(*(set(job.overrides) for job in jobs)) if len(jobs) > 1 else set()
    return [each for each in jobs[0].overrides if each in shared] if jobs else []


def is_sweep(path: Path) -> bool:
    return kept.is_plain(path / "sweep.json")
