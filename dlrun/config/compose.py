"""Hydra, and nothing but Hydra: what is typed -> composed configs, one or many, and Hydra's errors in our words.

No other module imports it; tests/config/test_compose.py holds what is used of its private parts. dlrun makes the
folders itself, because Hydra makes them before anything is checked and two runs of the same second would share one.
"""

import argparse
import contextlib
import copy
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from hydra import version
from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, QuotedString, RangeSweep, ValueType
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, MissingConfigException
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from dlrun.config import catalogue, complaints, outputs, own_data, own_yaml, trust, typed
from dlrun.errors import UserError

__all__ = ["IntervalSweep", "Override", "RangeSweep"]  # what a search reads of a range

OURS = ("hydra", "launcher", "sweep")  # what the config says about running many, not about a run
SHOWING = ("cfg", "info", "hydra_help", "shell_completion")
UNREADABLE = (HydraException, ValueError, RecursionError)  # a number of 5,000 digits, a nest of 5,000 brackets


@dataclass(frozen=True)
class Command:
    """A command line, read once: KEY=VALUE as Hydra reads it, and flags, Hydra's and ours, which may stand anywhere."""

    overrides: list[Override]
    flags: argparse.Namespace
    words: list[str]  # Hydra's flags as they were typed, without -m
    shown: str | None  # the flag by which Hydra shows something, instead of dlrun training something
    parser: argparse.ArgumentParser


def read(argv: Sequence[str]) -> Command:
    """UserError for what is neither KEY=VALUE nor a flag of Hydra's or of ours."""

    def complain(message: str) -> NoReturn:
        raise UserError(f"{message}. `dlrun --help` shows what can be typed.")

    argv = own_data.expanded(argv)
    parser = hydras_parser()
    parser.error, parser.allow_abbrev = complain, False  # type: ignore[method-assign]
    for flag, following in zip(argv, [*argv[1:], ""], strict=False):
        if re.match("--?[A-Za-z]", flag) and flag.partition("=")[0] not in parser._option_string_actions:
            raise UserError(typed.no_flag(flag, following))
    flags = parser.parse_intermixed_args(argv)
    if flags.experimental_rerun is not None:
        raise UserError("--experimental-rerun has no effect here. Type dlrun rerun RUN")
    if (flags.resolve or flags.package is not None) and flags.cfg is None:
        raise UserError("--resolve and --package say how --cfg shows the config: dlrun --cfg job --resolve")
    shown = [each for each in SHOWING if getattr(flags, each)]
    if len(shown) + flags.multirun > 1:
        raise UserError("Only one of -m, --cfg, --info, --hydra-help and --shell-completion goes at once.")
    if shown and (flags.dry_run or flags.json):
        raise UserError(f"--{shown[0].replace('_', '-')} trains nothing: leave --dry-run and --json out.")
    trust.look_beside(flags.config_dir)
    overrides = [parse(each, flags.overrides) for each in flags.overrides]
    words = [each for each in argv if each not in ("-m", "--multirun", *typed.FLAGS)]
    for override in flags.overrides:
        words.remove(override)
    flags.overrides = [line(each, hydras=True) for each in overrides]
    return Command(overrides, flags, words, next(iter(shown), None), parser)


def hydras_parser() -> argparse.ArgumentParser:
    """With our flags. Hydra 1.3.8 gives argparse a help object that is no string: Python 3.14 dies (hydra#3121)."""
    kind: Any = argparse.ArgumentParser
    check, kind._check_help = getattr(kind, "_check_help", None), lambda *_: None
    try:
        parser = get_args_parser()
    finally:
        kind._check_help = check
    for flag, text in typed.FLAGS.items():
        parser.add_argument(flag, action="store_true", help=text)
    return parser


def parse(text: str, words: Sequence[str] = ()) -> Override:
    """`optim.lr=0.1` as Hydra reads it; what it can't read is a word. UserError for what is no KEY=VALUE."""
    key, value = typed.split(text, words)
    parser = OverridesParser.create()
    try:
        override = parser.parse_override(text)
    except UNREADABLE as error:
        if typed.FUNCTION.match(value):
            reason = next(each for each in str(error).splitlines()[::-1] if each.strip())
            raise UserError(f"{text} can't be read: {reason.strip()}") from error
        try:
            override = parser.parse_override(f"{key}={typed.quoted(value)}")
        except UNREADABLE:
            raise UserError(typed.no_override(text, words)) from error
    typed.check(line(override), override.key_or_group, values(override), several=override.is_sweep_override())
    return override


def line(override: Override, *, hydras: bool = False) -> str:
    """As it was typed; `hydras`: `tuned=null` as Hydra takes it, which is ~tuned."""
    nothing = hydras and override.key_or_group in typed.OPTIONAL and override.value() is None
    return f"~{override.key_or_group}" if nothing else str(override.input_line)


def values(override: Override) -> list[object]:
    """The value, or those that are tried one after the other; what only a search draws, or a glob finds, is none."""
    if not override.is_sweep_override():
        return [] if override.is_delete() else [override.value()]
    tried = getattr(override.value(), "list", [])
    return [each.text if isinstance(each, QuotedString) else each for each in tried]


def example(key: str, override: Override) -> str:
    """One value of it, to see whether jobs compose."""
    if not override.is_sweep_override():
        return str(override.input_line)
    value = override.value()
    first = value.start if isinstance(value, IntervalSweep) else next(iter(override.sweep_string_iterator()))
    return f"{key}={first}"


# what Hydra makes of it


class Composed(NamedTuple):
    """A run to be: the overrides that count, and its config as plain values."""

    overrides: list[str]
    config: dict[str, Any]


class Composer:
    """Composes what a command asks for: one run, or the jobs of a sweep, which share what is said of Hydra itself."""

    def __init__(self, command: Command):
        version.setbase("1.3")
        OmegaConf.register_new_resolver("new_folder", new_folder, replace=True)
        flags, search_path = command.flags, create_config_search_path(command.flags.config_path or "pkg://dlrun.conf")
        if flags.config_dir:
            folder = os.path.abspath(flags.config_dir)
            if not os.path.isdir(folder):
                raise UserError(f"--config-dir {flags.config_dir}: there is no such folder.")
            search_path.prepend("command-line", f"file://{folder}", SearchPathQuery(provider="schema"))
        self.command, self.name = command, flags.config_name or "config"
        self.loader = ConfigLoaderImpl(search_path)
        self.hydra = Hydra("dlrun", self.loader)
        for source in self.loader.get_sources():
            own_yaml.guard(source)
        for each in command.overrides:
            each.config_loader = self.loader  # which knows what there is for glob(*)
        self.own = [line(each) for each in command.overrides if each.is_hydra_override()]
        self.loaded: dict[tuple[str, ...], DictConfig] = {}

    def parse(self, text: str) -> Override:
        override = parse(text)
        override.config_loader = self.loader
        return override

    def load(self, *lines: str) -> DictConfig:
        """Hydra's own way, which takes 0.2 s."""
        if lines not in self.loaded:
            self.loaded[lines] = self.loader.load_configuration(self.name, list(lines), run_mode=RunMode.RUN)
        return self.loaded[lines]

    def one(self) -> Composed:
        """The run that was typed."""
        for each in self.command.overrides:
            if each.is_sweep_override():
                raise UserError(complaints.several(line(each), simple=each.value_type is ValueType.SIMPLE_CHOICE_SWEEP))
        with self.our_words(self.command.overrides):
            config = self.load(*self.command.flags.overrides)
            HydraConfig.instance().cfg = config  # type: ignore[assignment]  # resolvers ask it
            kept = [line(each) for each in self.command.overrides if not each.is_hydra_override()]
            return Composed(kept, plain(config))

    def job(self, overrides: Sequence[Override], *, ignore_missing_keys: bool, trusted: Sequence[str]) -> Composed:
        """A job of a sweep: only its choices are composed anew, values are set on a copy.

        That is the order in which Hydra itself does it: values never decide which files are read.
        """
        with self.our_words(overrides):
            base = self.load(*self.own, *self.choices(overrides))
            config = OmegaConf.create(base)  # a copy
            OmegaConf.set_struct(config, True)
            kept = [
                o for o in overrides if not (ignore_missing_keys and o.is_force_add() and lacks(config, o.key_or_group))
            ]
            self.set_values(config, kept)
            HydraConfig.instance().cfg = base  # type: ignore[assignment]
            return Composed(list(map(line, kept)), plain(config) | {"trusted": list(trusted)})

    def whole(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What a sweep says once, of itself and of Hydra; of its jobs only what has no dot: their models differ."""
        fixed = [o for o in self.command.overrides if not (o.is_sweep_override() or o.is_hydra_override())]
        with self.our_words(fixed):
            self.config = copy.deepcopy(self.load(*self.own, *self.choices(fixed)))
            values = [each for each in fixed if "." not in each.key_or_group or is_of_many(each.key_or_group)]
            self.set_values(self.config, values)
            HydraConfig.instance().cfg = self.config  # type: ignore[assignment]
            once = [key for key in ("launcher", "sweep", "folder", "trusted") if key in self.config]
            return picked(self.config, once), picked(self.config.hydra, ["launcher", "sweeper"])

    def launch(self, job: Callable[[DictConfig], object], folder: Path, jobs: Sequence[Sequence[str]]) -> None:
        """Jobs of a sweep by the launcher of Hydra's that was chosen; where one runs, `job(config)` is called."""
        with open_dict(self.config):
            self.config.hydra.sweep.dir = str(folder.absolute())
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=HydraContext(config_loader=self.loader, callbacks=Callbacks(self.config)),
            task_function=job,
            config=self.config,
        )
        # Once more with each job, whose process composes anew and knows nothing of this config.
        again = [f"trusted=[{','.join(self.config.trusted or ())}]", f"hydra.sweep.dir={folder.absolute()}"]
        launcher.launch([[*each, *again] for each in jobs], initial_job_idx=0)

    def set_values(self, config: DictConfig, overrides: Sequence[Override]) -> None:
        ConfigLoaderImpl._apply_overrides_to_config([each for each in overrides if not self.is_choice(each)], config)

    def is_choice(self, override: Override) -> bool:
        return bool(self.loader.repository.group_exists(override.key_or_group))

    def choices(self, overrides: Sequence[Override]) -> list[str]:
        """Those that decide which files are read, but for Hydra's own."""
        return [line(o, hydras=True) for o in overrides if self.is_choice(o) and not o.is_hydra_override()]

    @contextlib.contextmanager
    def our_words(self, overrides: Sequence[Override]) -> Iterator[None]:
        try:
            yield
        except MissingConfigException as error:
            missing = complaints.missing_config(error.missing_cfg_file or "", error.options or [])
            raise UserError(missing or complaints.first_line(str(error))) from error
        except RecursionError as error:
            raise UserError("The defaults of a YAML file lead back to itself, or a value nests too deep.") from error
        except (HydraException, OmegaConfBaseException) as error:
            raise UserError(complaints.composition(error, lambda: self.known(overrides))) from error

    def known(self, overrides: Sequence[Override]) -> dict[str, object]:
        """The keys that there are, for a message: what the choices alone make, or where they are at fault, none."""
        choices = self.choices([each for each in overrides if not each.is_sweep_override()])
        for lines in ([*self.own, *choices], [*(own for own in self.own if own.startswith("hydra/")), *choices], []):
            with contextlib.suppress(HydraException, OmegaConfBaseException):
                return dict(OmegaConf.to_container(self.load(*lines), resolve=False))  # type: ignore[arg-type]
        return {}


def is_of_many(key: str) -> bool:
    """Whether it is a sweep's to say, and not a job's."""
    return key.split(".")[0].split("/")[0] in (*OURS, *typed.ONE_VALUE)


def lacks(config: DictConfig, key: str) -> bool:
    return OmegaConf.select(config, key, default=OURS) is OURS


def picked(config: DictConfig, keys: list[str]) -> dict[str, object]:
    """Some of its keys as plain values, resolved."""
    nodes = {key: config[key] for key in keys}
    return {k: OmegaConf.to_container(v, resolve=True) if OmegaConf.is_config(v) else v for k, v in nodes.items()}


def plain(config: DictConfig) -> dict[str, object]:
    """A run's config as plain values, resolved, with its choices; what is said about running many is left out."""
    values = picked(config, [str(key) for key in config if key not in OURS])
    return catalogue.without_files(values) | {"choices": chosen()}


def chosen() -> dict[str, str]:
    """Group -> its choice in what was composed last, without Hydra's own and those that say nothing about a run."""
    found = HydraConfig.get().runtime.choices
    return {group: name for group, name in found.items() if name is not None and group.split("/")[0] not in OURS}


def new_folder() -> str:
    """Where the run that was composed last goes, if nothing else is said: `folder: ${new_folder:}`."""
    config: Any = HydraConfig.instance().cfg
    return str(outputs.new_folder(outputs.name_of(chosen(), OmegaConf.select(config, "data.path"))))


def hydras_job() -> tuple[Path, int]:
    """The sweep's folder and the job's number, where one of Hydra's launchers runs it."""
    config = HydraConfig.get()
    return Path(config.sweep.dir), int(config.job.num)


def show(command: Command) -> None:
    """What Hydra shows of itself, and its complaint where it ends the program."""
    composer, flags, said = Composer(command), command.flags, io.StringIO()
    hydra, name, lines = composer.hydra, composer.name, flags.overrides
    if command.shown in ("cfg", "info"):
        composer.one()  # a mistake is told in our words
    try:
        with composer.our_words(command.overrides), contextlib.redirect_stderr(said):
            if flags.cfg:
                hydra.show_cfg(name, lines, flags.cfg, flags.package, flags.resolve)
            elif flags.info:
                hydra.show_info(flags.info, name, lines)
            elif flags.hydra_help:
                hydra.hydra_help(name, command.parser, flags)
            else:
                hydra.shell_completion(name, lines)
    except SystemExit as end:
        raise UserError(complaints.first_line(said.getvalue())) from end
    except (ValueError, KeyError) as error:  # completion without its argument
        raise UserError(complaints.first_line(str(error))) from error
