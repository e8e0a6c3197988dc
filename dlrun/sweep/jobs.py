"""A sweep's jobs: those that were typed, each composed by itself and all checked before the first one starts.

Or those of a sweep's folder, which go on. The scheduler runs them, or a launcher of Hydra's such as joblib.
"""

import itertools
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from omegaconf import DictConfig

from dlrun import console
from dlrun.config import bind, compose, outputs, renamed, trust
from dlrun.config.compose import Command, Composed, Composer, Override, RangeSweep
from dlrun.errors import UserError
from dlrun.run.signals import GracefulStop
from dlrun.sweep import again, last, leaderboard
from dlrun.sweep.folder import Job, SweepDir, common, is_sweep, refuse_other_files, with_known_files
from dlrun.sweep.launcher import Launcher
from dlrun.sweep.pool import warm_up
from dlrun.sweep.scheduler import FixedJobs, Scheduler, Workers
from dlrun.terminal.plain import amount, command, quoted

MOST_JOBS = 10_000  # of a grid: each is composed and checked before the first one starts
SHOWN = 5  # of the reasons why jobs do not compose
LOCAL = "dlrun.sweep.pool.Workers"
RENAMED = {"dlrun.sweep.workers.Workers": LOCAL}  # in sweeps of version 0.1.0
Begun = Callable[[SweepDir], object]
TrainJob = Callable[[DictConfig], object]
ExternalLauncher = Callable[[Path, Sequence[Sequence[str]]], None]  # runs the jobs of a sweep's folder somewhere


@dataclass(frozen=True)
class SweepRequest:
    """A sweep as it was typed; `into` one that is there, or a new one."""

    command: list[str]  # what `resume` composes again
    composer: Composer
    overrides: list[Override]  # of jobs: what a file of conf/sweep/ says, then what was typed
    folder: Path | None  # where it shall lie; None: a new folder under outputs/
    into: SweepDir | None
    trusted: tuple[str, ...]
    launcher: Launcher
    workers: dict[str, object]  # what hydra/launcher= chose
    external: ExternalLauncher | None  # where that is one of Hydra's
    begun: Begun  # is told of the sweep's folder once there is one

    def checked(self, lists: Sequence[Sequence[str]]) -> list[Composed]:
        """Every job composed and its parts checked. UserError names those that are wrong."""
        from dlrun.config import assemble

        good: list[Composed] = []
        problems: dict[str, list[str]] = {}  # what is wrong, and with which jobs
        for number, texts in enumerate(lists):
            try:
                overrides = [self.composer.parse(each) for each in texts]
                made = self.composer.job(
                    overrides, ignore_missing_keys=self.launcher.ignore_missing_keys, trusted=self.trusted
                )
                assemble.check_fit(assemble.check(made.config))
                good.append(made)
            except UserError as error:
                problems.setdefault(str(error), []).append(f"job {number} ({' '.join(texts)})")
        if problems:
            raise UserError(
                f"{len(lists) - len(good)} of {amount(len(lists), 'job')} can't run, so none was started:\n"
                + listed(problems, hint=bool(good))
            )
        return good

    def pool(self) -> Callable[[int], Workers]:
        """What runs that many jobs."""
        plan = pool_of(self.workers, self.into.path if self.into else None)
        return lambda jobs: plan(launcher=self.launcher, jobs=jobs, trusted=self.trusted)

    def open(self, kind: str) -> SweepDir:
        """Its folder: the one that was typed, or a new one under outputs/."""
        if self.into:
            self.begun(self.into)
            return self.into
        if self.folder and is_sweep(self.folder):
            raise UserError(
                f"{self.folder} belongs to another sweep. Go on with that one: {command('resume', self.folder)}; "
                "or type folder=PATH for another place."
            )
        facts = {"kind": kind, "command": self.command, "launcher": asdict(self.launcher), "workers": self.workers}
        sweep = SweepDir.create(self.folder or outputs.new_folder("sweep"), facts)
        self.begun(sweep)
        return sweep


def listed(problems: dict[str, list[str]], *, hint: bool) -> str:
    lines = [f"{jobs[0]}{f' and {len(jobs) - 1} more' * (len(jobs) > 1)}: {why}" for why, jobs in problems.items()]
    more = [f"and {amount(len(lines) - SHOWN, 'reason')} more"] if len(lines) > SHOWN else []
    if hint and any("has no key" in each for each in problems):
        more.append(
            "With launcher.ignore_missing_keys=true a word ++key=value reaches only the jobs that have the key."
        )
    return "\n".join(lines[:SHOWN] + more)


def run(typed: Command, job: TrainJob, into: SweepDir | None = None, begun: Begun = lambda sweep: None) -> SweepDir:
    """A sweep, or with `into` more jobs for one: its folder. `job(config)` is called where Hydra's launchers run it."""
    request, sweeper = read(typed, job, into, begun)
    return sweeper.sweep(request)


class Sweeper(Protocol):
    """What `hydra/sweeper=` names: every combination (`Grid`), or a search."""

    def sweep(self, request: SweepRequest) -> SweepDir: ...

    def examples(self, request: SweepRequest) -> tuple[list[Composed], int]:
        """Jobs, composed and checked, that stand for all, and how many each of them stands for."""


def read(typed: Command, job: TrainJob, into: SweepDir | None, begun: Begun) -> tuple[SweepRequest, Sweeper]:
    """What was typed, and what makes jobs of it."""
    composer = Composer(typed)
    once, hydras = composer.whole()
    for where, node in {"launcher": once["launcher"], **{f"hydra.{key}": node for key, node in hydras.items()}}.items():
        if not isinstance(node, dict):
            raise UserError(f"{where}={bind.shown(node)}: a group of keys is expected.")
    workers = hydras["launcher"]
    external = None if str(workers.get("_target_")).startswith("dlrun.") else composer.launch
    if external or into:  # a sweep goes on where it ran, and one of Hydra's launchers here
        workers = dict(into.facts()["workers"]) if into else {"_target_": LOCAL}
    if not external and workers.get("_target_") == LOCAL:
        warm_up()
    given = [composer.parse(f"{key}={value}") for key, value in (once.get("sweep") or {}).items()]
    said = {each.get_key_element(): each for each in [*given, *typed.overrides]}  # the command line wins
    pinned = last.pinned(composer, said)
    said |= pinned
    kept = [each for each in typed.overrides if each.get_key_element() not in pinned]
    if "folder" in said:
        bind.check_folder(once["folder"])
    request = SweepRequest(
        command=[*map(compose.line, [*kept, *pinned.values()]), *typed.words],
        composer=composer,
        overrides=[each for each in said.values() if not compose.is_of_many(each.key_or_group)],
        folder=Path(str(once["folder"])) if "folder" in said else None,
        into=into,
        trusted=trust.packages(once["trusted"]),
        launcher=bind.make_spec("launcher", once["launcher"], Launcher)(),
        workers=workers,
        external=partial(external, job) if external else None,
        begun=begun,
    )
    target = bind.locate("hydra/sweeper", hydras["sweeper"].get("_target_"), request.trusted)
    sweeper: Sweeper = bind.make_spec("hydra.sweeper", hydras["sweeper"], target)()
    return request, sweeper


# every combination


class Grid:
    """Every combination of the values that were typed, or that a file of conf/sweep/ lists."""

    def examples(self, request: SweepRequest) -> tuple[list[Composed], int]:
        return request.checked(self.lists(request)), 1

    def lists(self, request: SweepRequest) -> list[list[str]]:
        lists = combinations(request.overrides)
        if not lists:
            raise UserError("The sweep has no jobs: one of its ranges is empty.")
        if len(lists) == 1 and request.into is None:
            raise UserError("Nothing to sweep over. Give a key several values, such as optim.lr=0.1,0.01, or drop -m.")
        return lists

    def sweep(self, request: SweepRequest) -> SweepDir:
        composed, pool = request.checked(self.lists(request)), request.pool()
        with GracefulStop("stopping"):  # once there is a folder, it is whole
            sweep = request.open("grid")
            jobs = add(sweep, composed)
            if request.external is None:
                go_on(sweep, jobs, lambda: pool(len(jobs)))
                return sweep
        with sweep.working():
            request.external(sweep.path, [job.overrides for job in jobs])
        leaderboard.raise_failures(sweep, leaderboard.show(sweep, jobs))
        return sweep


def combinations(overrides: Sequence[Override]) -> list[list[str]]:
    """Overrides with several values -> one list of overrides for each job, the last one turning fastest."""
    axes: list[list[str]] = []
    for each in overrides:
        if each.is_discrete_sweep():
            jobs = length(each) * math.prod(map(len, axes))  # before a range is written out
            if jobs > MOST_JOBS:
                raise UserError(f"{each.input_line} makes {jobs:,.0f} jobs; a sweep takes {MOST_JOBS:,} at most.")
            axes.append([f"{each.get_key_element()}={value}" for value in each.sweep_string_iterator()])
        elif each.is_sweep_override():
            raise UserError(
                f"{each.input_line} is a range without steps, which a search samples: add hydra/sweeper=optuna. "
                f"For a grid list values, such as {each.get_key_element()}=0.1,0.01"
            )
        else:
            axes.append([compose.line(each)])
    return [list(job) for job in itertools.product(*axes)]


def length(override: Override) -> int:
    """How many values are tried. UserError for a range that never ends."""
    values = override.value()
    if not isinstance(values, RangeSweep):
        return len(getattr(values, "list", [None]))
    start, stop, step = values.start or 0, values.stop or 0, values.step
    if not step or not all(map(math.isfinite, (start, stop, step))):
        raise UserError(f"{override.input_line} never ends. For example: range(0,10,2)")
    return max(0, math.ceil((stop - start) / step))


def add(sweep: SweepDir, composed: Sequence[Composed]) -> list[Job]:
    """Appends those that the sweep does not have yet; all its jobs."""
    before = sweep.jobs()
    known = {frozenset(job.overrides) for job in before}
    fresh = [each for each in composed if frozenset(each.overrides) not in known]
    jobs = [sweep.job(number, each) for number, each in enumerate(fresh, len(before))]
    refuse_other_files(jobs)
    if before:
        console.say(f"{amount(len(jobs), 'job')} more, {len(composed) - len(fresh)} there already")
    sweep.add(jobs)
    return [*before, *jobs]


# a sweep that is there


def resume(sweep: SweepDir, *, trusted: tuple[str, ...], retry_failed: bool = False) -> None:
    """Goes on with a grid, all of whose jobs are known."""
    facts, jobs = sweep.facts(), with_known_files(sweep.jobs())
    again.ask_for_trust([package for job in jobs for package in job.config.get("trusted") or ()], trusted)
    launcher = bind.make_spec("launcher", renamed.renewed_launcher(facts["launcher"]), Launcher)()
    pool = pool_of(facts["workers"], sweep.path)
    go_on(sweep, jobs, lambda: pool(launcher=launcher, jobs=len(jobs), trusted=trusted), retry_failed=retry_failed)


def go_on(sweep: SweepDir, jobs: list[Job], pool: Callable[[], Workers], *, retry_failed: bool = False) -> None:
    """Runs what has not ended yet: waiting jobs from their start, interrupted ones from their checkpoints."""
    ended = {"completed", "pruned"} | (set() if retry_failed else {"failed", "diverged"})
    todo = [job for job in jobs if sweep.status(job) not in ended]
    if not todo:
        console.say(f"{sweep.path} is complete: nothing is left to run")
    refuse_other_files(todo)
    with sweep.working():
        Scheduler(sweep, jobs, FixedJobs(todo, common(jobs)), pool()).run()


def pool_of(node: dict[str, object], saved: Path | None) -> bind.Spec[Workers]:
    """The class that `hydra/launcher=` names: processes of this machine, or of a cluster.

    A `saved` sweep's word on which cluster is not believed: its jobs, and all that is in them, would go there.
    """
    if saved and (address := node.get("address", "auto")) not in ("auto", "local", os.environ.get("RAY_ADDRESS")):
        typed = f"RAY_ADDRESS={quoted(address)} {command('resume', saved)}"
        raise UserError(f"This sweep ran on the Ray cluster {address}. If it is yours: {typed}")
    target = RENAMED.get(str(node.get("_target_")), node.get("_target_"))
    return bind.make_spec("hydra.launcher", dict(node), bind.locate("hydra/launcher", target))
