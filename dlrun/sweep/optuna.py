"""A search by Optuna (Akiba et al. 2019): it asks for the next values, and gives up runs that others outdo.

Every trial is a job of the sweep with the trial's number. The study lies in the sweep's folder, where
`optuna-dashboard` opens it and `dlrun resume` goes on with it.
"""

import contextlib
import errno
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from dlrun import console
from dlrun.config import assemble
from dlrun.config.compose import Composed, Override, example
from dlrun.errors import UserError
from dlrun.limits import NonNegativeInt, PositiveInt, Range
from dlrun.run.signals import GracefulStop
from dlrun.store import kept
from dlrun.sweep.folder import ENDED, Job, SweepDir, refuse_other_files
from dlrun.sweep.jobs import SweepRequest
from dlrun.sweep.scheduler import FixedJobs, Scheduler
from dlrun.terminal.plain import command, quoted

try:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    from dlrun.sweep import samplers
    from dlrun.sweep.ranges import Distribution, axis, distribution, short, varies
    from dlrun.sweep.samplers import Axis
except ImportError as error:
    raise UserError("hydra/sweeper=optuna needs Optuna: pip install 'dlrun[optuna]'") from error

SearchSeed = Annotated[int, Range(0, 2**32 - 1)]  # what NumPy takes
STORED = 2 << 30  # bytes of a study that are read
FILES = {"journal": "optuna.log", "sqlite": "optuna.db"}


@dataclass(kw_only=True)
class Search:
    """conf/hydra/sweeper/optuna.yaml."""

    trials: PositiveInt
    sampler: Literal["tpe", "random", "cmaes", "gp", "grid"]
    pruner: Literal["none", "median", "hyperband"]
    warmup_trials: NonNegativeInt
    warmup_epochs: NonNegativeInt
    goals: list[str] | None
    storage: Literal["journal", "sqlite"]
    seed: SearchSeed

    def __post_init__(self) -> None:
        self.aims = [tuple(goal.split()) for goal in self.goals or []]
        for goal in self.aims:
            if len(goal) != 2 or goal[0] not in ("min", "max"):
                raise UserError(f"hydra.sweeper.goals: {' '.join(goal)} is no goal. For example: 'min val/perplexity'.")

    def examples(self, request: SweepRequest) -> tuple[list[Composed], int]:
        space = self.space(request)[0]
        return request.checked([[example(key, each) for key, each in space.items()]]), self.trials

    def space(self, request: SweepRequest) -> tuple[dict[str, Override], dict[str, Distribution], dict[str, Axis]]:
        """What was typed of jobs by its key, the ranges among it, and of a grid the values along each."""
        if request.external is not None:
            raise UserError("hydra/sweeper=optuna hears from each job while it runs: leave hydra/launcher out.")
        space = {each.get_key_element(): each for each in request.overrides}
        ranges = {key: distribution(each) for key, each in space.items() if varies(each)}
        axes = {key: axis(key, each) for key, each in ranges.items()} if self.sampler == "grid" else {}
        if axes:
            self.trials = min(self.trials, math.prod(map(len, axes.values())))
        if not ranges:
            raise UserError(
                "Nothing to search. Give a key a range: 'optim.lr=tag(log,interval(1e-4,1))' or values a,b."
            )
        return space, ranges, axes

    def sweep(self, request: SweepRequest) -> SweepDir:
        space, ranges, axes = self.space(request)
        (composed,) = self.examples(request)[0]  # a mistake is found before there is a folder
        pool, spec = request.pool(), assemble.check(composed.config)
        if "task.goal" in ranges:
            raise UserError(
                "A search looks for the best of one goal: type one task.goal=…, or list them under dlrun -m."
            )
        goals = self.aims or [(assemble.goal(spec.task).split()[0], "best")]
        sampler = samplers.make(self.sampler, self.seed, axes)
        pruner = self.make_pruner(spec.settings.epochs, len(goals))
        with GracefulStop("stopping"), request.open("optuna").working() as sweep:
            study = self.open_study(sweep.path, [mode for mode, _ in goals], sampler, pruner)
            jobs = sweep.jobs()
            refuse_other_files(
                [job for job in jobs if sweep.status(job) not in ENDED] or jobs[: self.trials - len(jobs)]
            )
            source = Trials(self, study, sweep, jobs, request, space, ranges, axes, goals)
            Scheduler(sweep, jobs, source, pool(self.trials)).run()
            source.show_front()
        return sweep

    def open_study(
        self,
        folder: Path,
        modes: Sequence[str],
        sampler: optuna.samplers.BaseSampler,
        pruner: optuna.pruners.BasePruner,
    ) -> optuna.Study:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        path = folder / FILES[self.storage]
        if os.path.lexists(path) and (not kept.is_plain(path) or path.stat().st_size > STORED):
            raise UserError(f"{path} can't be used: it is a link, no file, or of more than {STORED >> 30} GB.")
        with contextlib.suppress(OSError):  # of a killed search, or a stranger's: the sweep is this process's alone
            os.unlink(f"{path}.lock")
        with stored(path):
            store: optuna.storages.BaseStorage | str = f"sqlite:///{path}"
            if self.storage == "journal":
                store = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
            return optuna.create_study(
                study_name="dlrun",
                storage=store,
                sampler=sampler,
                pruner=pruner,
                directions=["maximize" if mode == "max" else "minimize" for mode in modes],
                load_if_exists=True,
            )

    def make_pruner(self, epochs: int | None, goals: int) -> optuna.pruners.BasePruner:
        if self.pruner == "none":
            return optuna.pruners.NopPruner()
        if goals > 1:
            raise UserError("Runs can be given up for one goal only. With several: hydra.sweeper.pruner=none.")
        if self.pruner == "median":
            return optuna.pruners.MedianPruner(self.warmup_trials, self.warmup_epochs)
        return optuna.pruners.HyperbandPruner(max(1, self.warmup_epochs), epochs or "auto")


@contextlib.contextmanager
def stored(path: Path) -> Iterator[None]:
    """Around every use of the study. Its errors are optuna's own, sqlite's, sqlalchemy's, or those of reading JSON."""
    try:
        yield
    except Exception as error:
        reason: BaseException = error
        while reason.__cause__ is not None:  # the first one says what it was: database is locked
            reason = reason.__cause__
        if isinstance(reason, OSError) and reason.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise kept.unwritable(path, reason) from error
        text = (str(reason) or type(reason).__name__).splitlines()[0]
        hint = f"Once it is free or put back: {command('resume', path.parent)}"
        raise UserError(f"The search's storage {path} is locked or damaged: {text}. {hint}") from error


class Trials(FixedJobs):
    """The search's jobs: first those that a kill cut short, then new ones."""

    def __init__(
        self,
        search: Search,
        study: optuna.Study,
        sweep: SweepDir,
        jobs: Sequence[Job],
        request: SweepRequest,
        space: dict[str, Override],
        ranges: dict[str, Distribution],
        axes: dict[str, Axis],
        goals: Sequence[tuple[str, ...]],
    ):
        self.search, self.study, self.sweep, self.request = search, study, sweep, request
        self.space, self.ranges, self.axes, self.goals = space, ranges, axes, goals
        self.running: dict[int, optuna.Trial] = {}
        self.known = {job.number for job in jobs}
        self.storage = sweep.path / FILES[search.storage]
        left = list(self.unfinished({job.number: job for job in jobs}))
        super().__init__(left, [example(key, each) for key, each in space.items() if key not in ranges])

    def unfinished(self, jobs: dict[int, Job]) -> Iterator[Job]:
        """Jobs of trials that a killed search never told the end of; one without a job was asked for and no more."""
        with stored(self.storage):
            running = self.study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING])
        for each in running:
            with stored(self.storage):
                self.seed_for(each.number)
                trial, job = optuna.Trial(self.study, each._trial_id), jobs.get(each.number)
            if job is not None:
                self.running[job.number] = trial
                if (status := self.sweep.status(job)) in ENDED:
                    self.ended(job, status)
                else:
                    yield job
            elif len(self.known) < self.search.trials:
                if made := self.job(trial):
                    yield made
            else:  # of a study that says more than its search
                with stored(self.storage):
                    self.study.tell(trial, state=optuna.trial.TrialState.FAIL)

    def next(self) -> Job | None:
        if job := super().next():
            return job
        while len(self.known) < self.search.trials:
            with stored(self.storage):
                self.seed_for(len(self.study.get_trials(deepcopy=False)))
                trial = self.study.ask()
            if job := self.job(trial):
                return job
        return None

    def seed_for(self, trial: int) -> None:
        """Each trial has a seed of its own, so that a search that goes on draws what it would have drawn."""
        name = self.search.sampler
        self.study.sampler = samplers.make(name, samplers.of_trial(name, self.search.seed, trial), self.axes)

    def job(self, trial: optuna.Trial) -> Job | None:
        """A trial's values become a job; None where the job can't run, which is told."""
        with stored(self.storage):
            values = {key: trial._suggest(key, each) for key, each in self.ranges.items()}
        overrides = [
            f"{key}={short(values[key], self.ranges[key])}" if key in values else example(key, each)
            for key, each in self.space.items()
        ]
        self.known.add(trial.number)
        try:
            (composed,) = self.request.checked([overrides])
        except UserError as error:
            console.warn(f"trial {trial.number} can't run: {error}")
            with stored(self.storage):
                self.study.tell(trial, state=optuna.trial.TrialState.FAIL)
            return None
        job = self.sweep.job(trial.number, composed)
        self.sweep.add([job])
        self.running[job.number] = trial
        return job

    def should_prune(self, job: Job, epoch: int, step: int, value: float) -> bool:
        if len(self.goals) > 1:
            return False
        trial = self.running[job.number]
        by_steps = job.config["trainer"]["eval_every_steps"] is not None
        with stored(self.storage), warnings.catch_warnings(action="ignore"):  # a job that goes on tells a step again
            trial.report(value, step if by_steps else epoch)
            return trial.should_prune()

    def ended(self, job: Job, status: str) -> None:
        if status == "interrupted":  # it goes on when the search does
            return
        trial, states = self.running.pop(job.number), optuna.trial.TrialState
        values = self.values(job) if status == "completed" else None
        state = states.COMPLETE if values else states.PRUNED if status == "pruned" else states.FAIL
        with stored(self.storage):
            try:
                self.study.tell(trial, values, state)
            except RuntimeError as error:  # the grid's last: its sampler wants to stop a loop that is Optuna's own
                if "Study.stop" not in str(error):
                    raise

    def values(self, job: Job) -> list[float] | None:
        """What the goals name: `best` of the run's own goal, a tag's last value, or a figure such as duration_s."""
        summary = job.run.read_summary()
        metrics = {**summary, **summary.get("metrics", {}), "best": summary.get("goal", {}).get("best")}
        found = [metrics.get(name) for _, name in self.goals]
        figures = [float(value) for value in found if isinstance(value, int | float) and math.isfinite(value)]
        if len(figures) == len(found):
            return figures
        names = ", ".join(name for _, name in self.goals)
        console.warn(f"job {job.number} has no {names}; it has {', '.join(sorted(summary.get('metrics', {})))}")
        return None

    def show_front(self) -> None:
        """With several goals no run is the best: those that no other one beats in all of them."""
        console.say(f"the search in a browser: optuna-dashboard {quoted(self.storage)}")
        if len(self.goals) < 2:
            return
        names = [" ".join(goal) for goal in self.goals]
        rows = []
        with stored(self.storage), contextlib.suppress(ValueError):  # none has ended well
            rows = [
                [
                    str(trial.number),
                    *map(console.number, trial.values),
                    " ".join(f"{k}={short(v, self.ranges[k])}" for k, v in trial.params.items() if k in self.ranges),
                ]
                for trial in self.study.best_trials
            ]
        console.table("best trade-offs", ["job", *names, "values"], rows)
