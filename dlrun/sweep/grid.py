"""`dlrun -m`: what was typed becomes jobs, each composed by itself, all checked before the first one starts.

Hydra composes and parses; its launchers (joblib, submitit) may run the jobs, each composing once more where it runs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, RangeSweep
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from dlrun import build, compose, trust
from dlrun.errors import UserError
from dlrun.signals import StopWish
from dlrun.sweep import outcome, start
from dlrun.sweep.folder import SweepDir
from dlrun.sweep.launcher import Launcher, warm_up

MOST_JOBS = 10_000  # of a grid: each is composed and checked before the first one starts
FIXED = (*compose.OURS, "folder", "trusted")  # one value for the whole sweep


@dataclass(frozen=True)
class Asked:
    """A sweep as it was typed."""

    argv: list[str]  # without -m
    overrides: list[Override]  # of jobs: what a file of conf/sweep/ says, then what was typed
    composer: Composer
    folder: Path | None  # where it shall lie; None: a new folder under outputs/
    launcher: Launcher
    sweeper: dict[str, Any]
    workers: dict[str, Any]  # what hydra/launcher= chose

    def facts(self, kind: str) -> dict[str, Any]:
        """What `resume` has to know of it."""
        return {"kind": kind, "command": self.argv, "launcher": asdict(self.launcher), "workers": self.workers}


def run(argv: list[str], job: Callable[[DictConfig], Any], into: SweepDir | None = None) -> None:
    """A sweep, or with `into` more jobs for one. `job(config)` is called where a launcher of Hydra's runs it."""
    argv = compose.flags_last([each for each in argv if each not in ("-m", "--multirun")])
    compose.register_resolvers()
    with compose.own_words(argv):
        fixed = deferred(argv)
    with (
        compose.raising_plainly(),
        compose.argparse_that_starts(),
        compose.own_words(fixed),
        compose.composing(fixed, RunMode.MULTIRUN) as (hydra, config),
    ):
        ours = str(config.hydra.launcher._target_).startswith("dlrun.")
        if str(config.hydra.launcher._target_) == "dlrun.sweep.workers.Workers":
            warm_up()
        asked = read(argv, hydra, config)
        node = dict(asked.sweeper)
        sweeper = build.plan("hydra.sweeper", node, build.locate("hydra/sweeper", node.get("_target_")))()
        sweeper.sweep(asked, into=into, elsewhere=None if ours else launching(hydra, config, job))


def read(argv: list[str], hydra: Hydra, config: DictConfig) -> Asked:
    listed = [f"{key}={value}" for key, value in (config.get("sweep") or {}).items()]
    parser = OverridesParser.create(config_loader=hydra.config_loader)
    typed = parser.parse_overrides([*listed, *config.hydra.overrides.task])
    last = {each.get_key_element(): each for each in typed}  # the command line wins
    launcher: dict[str, Any] = OmegaConf.to_container(config.launcher, resolve=True)  # type: ignore[assignment]
    sweeper: dict[str, Any] = OmegaConf.to_container(config.hydra.sweeper, resolve=True)  # type: ignore[assignment]
    workers: dict[str, Any] = OmegaConf.to_container(config.hydra.launcher, resolve=True)  # type: ignore[assignment]
    if not str(workers["_target_"]).startswith("dlrun."):  # one of Hydra's: a resumed sweep runs here
        workers = {"_target_": "dlrun.sweep.workers.Workers"}
    if "folder" in last and (problem := build.folder_misfit(config.folder)):
        raise UserError(problem)
    return Asked(
        argv=argv,
        overrides=[each for key, each in last.items() if key.lstrip("+~").split(".")[0] not in FIXED],
        composer=Composer(hydra.config_loader, config),
        folder=Path(str(config.folder)) if "folder" in last else None,
        launcher=build.plan("launcher", launcher, Launcher)(),
        sweeper=sweeper,
        workers=workers,
    )


def launching(hydra: Hydra, config: DictConfig, job: Callable[[DictConfig], Any]) -> start.Elsewhere:
    """One of Hydra's launchers as a function of a sweep's folder and the overrides of its jobs."""

    def launch(folder: Path, jobs: Sequence[Sequence[str]]) -> None:
        with open_dict(config):
            config.hydra.sweep.dir = str(folder.absolute())
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config)),
            task_function=job,
            config=config,
        )
        # Once more with each job, whose process composes anew and knows nothing of this config.
        again = [f"trusted=[{','.join(config.trusted or ())}]", f"hydra.sweep.dir={folder.absolute()}"]
        launcher.launch([[*each, *again] for each in jobs], initial_job_idx=0)

    return launch


class Grid:
    """Every combination of the values that were typed, or that a file of conf/sweep/ lists."""

    def sweep(self, asked: Asked, *, into: SweepDir | None, elsewhere: start.Elsewhere | None) -> None:
        lists = combinations(asked.overrides)
        if not lists:
            raise UserError("The sweep has no jobs: one of its ranges is empty.")
        if len(lists) == 1 and into is None:
            raise UserError("Nothing to sweep over. Give a key several values, such as optim.lr=0.1,0.01, or drop -m.")
        composed = start.checked(asked.composer, lists)
        with StopWish("stopping"):  # once there is a folder, it is whole
            sweep = into or start.make_folder(asked.folder, asked.facts("grid"))
            jobs = start.add(sweep, composed)
            if elsewhere is None:
                start.drive(sweep, trusted=asked.composer.trusted)
                return
        with sweep.working():
            elsewhere(sweep.path, [job.overrides for job in jobs])
        outcome.raise_failures(sweep, outcome.show(sweep, jobs))


class Composer:
    """Composes jobs. Hydra takes 0.2 s for one; here only the choices are composed anew, values are set on a copy.

    That is the order in which Hydra itself does it: values never decide which files are read.
    """

    def __init__(self, loader: Any, config: DictConfig):
        self.loader, self.config = loader, config
        self.trusted = trust.packages(OmegaConf.to_container(config)["trusted"])  # type: ignore[call-overload, index]
        self.lenient = bool(config.launcher.lenient)
        self.parser = OverridesParser.create(config_loader=loader)
        self.composed: dict[tuple[str, ...], DictConfig] = {}

    def __call__(self, overrides: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
        """The overrides that count, and the job's config."""
        parsed = self.parser.parse_overrides(list(overrides))
        chosen = tuple(each.input_line for each in parsed if self.is_group(each))
        values = [each for each in parsed if not self.is_group(each)]
        with compose.own_words([str(each.input_line) for each in parsed]):
            base = self.choose(chosen)
            config = OmegaConf.create(base)  # a copy
            OmegaConf.set_struct(config, True)
            if self.lenient:
                values = [each for each in values if not (each.is_force_add() and self.lacks(config, each))]
            ConfigLoaderImpl._apply_overrides_to_config(values, config)
            HydraConfig.instance().cfg = base  # type: ignore[assignment]  # the resolver `choice` asks it
            plain = compose.plain(config, base.hydra) | {"trusted": list(self.trusted)}
        kept = [str(each.input_line) for each in parsed if each in values or self.is_group(each)]
        return kept, plain

    def choose(self, chosen: tuple[str | None, ...]) -> DictConfig:
        key = tuple(str(each) for each in chosen)
        if key not in self.composed:
            hydra_own = list(OmegaConf.to_container(self.config.hydra.overrides.hydra))  # type: ignore[arg-type]
            self.composed[key] = self.loader.load_configuration(
                config_name=self.config.hydra.job.config_name, overrides=[*hydra_own, *key], run_mode=RunMode.RUN
            )
        return self.composed[key]

    def is_group(self, override: Override) -> bool:
        return bool(self.loader.repository.group_exists(override.key_or_group))

    @staticmethod
    def lacks(config: DictConfig, override: Override) -> bool:
        return OmegaConf.select(config, override.key_or_group, default=OmegaConf) is OmegaConf


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
            axes.append([str(each.input_line)])
    return [list(job) for job in itertools.product(*axes)]


def length(override: Override) -> int:
    """How many values are tried. UserError for a range that never ends."""
    values = override._value
    if not isinstance(values, RangeSweep):
        return len(getattr(values, "list", [None]))
    start, stop, step = values.start or 0, values.stop or 0, values.step
    if not step or not all(map(math.isfinite, (start, stop, step))):
        raise UserError(f"{override.input_line} never ends. For example: range(0,10,2)")
    return max(0, math.ceil((stop - start) / step))


def deferred(argv: list[str]) -> list[str]:
    """`model.hidden=64` -> `model.hidden=choice(64)`: a sweep over one value.

    Hydra checks what is fixed against the default model (hydra#2888), but leaves what is swept to each job.
    """
    parser = OverridesParser.create()
    found = []
    for argument in argv:
        if argument.startswith("-") or "=" not in argument:
            found.append(argument)
            continue
        (parsed,) = parser.parse_overrides([argument])
        key = parsed.key_or_group
        fixed = not parsed.is_sweep_override() and not parsed.is_delete()
        if fixed and "." in key and key.split(".")[0] not in FIXED:
            value = parsed.get_value_element_as_str() or "''"
            found.append(f"{parsed.get_key_element()}=choice({value})")
        else:
            found.append(argument)
    return found


def extended(command: Sequence[str], additions: Sequence[str]) -> list[str]:
    """The sweep's command with other values for some keys: `optim.lr=0.1,0.01` and `optim.lr=0.3` -> `optim.lr=0.3`."""
    for each in additions:
        if "=" not in each:
            raise UserError(f"--extend {each}: that is no KEY=VALUES. For example: --extend optim.lr=0.3")
        if each.lstrip("+~").startswith(("hydra", "trusted=")):
            raise UserError(
                f"--extend {each}: more jobs differ in values of theirs. For example: --extend optim.lr=0.3"
            )
    left = {each.partition("=")[0]: each for each in additions}
    return [*(left.pop(each.partition("=")[0], each) for each in command), *left.values()]
