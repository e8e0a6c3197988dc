"""Hydra, and nothing but Hydra: argv -> a composed config, and Hydra's errors in our words.

Hydra offers its flags (`--cfg job`, `-m`, `--config-dir`, completion; `--help` is ours). dlrun makes the folders
itself, because Hydra makes them before anything is checked and two runs of the same second would share one.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dlrun import catalogue, console, trust
from dlrun.errors import UserError, nearest

CONFIG = {"version_base": "1.3", "config_path": "pkg://dlrun.conf", "config_name": "config"}
OURS = ("hydra", "launcher", "sweep")  # what the config says about running many, not about a run
HIDDEN_GROUPS = ("tuned",)  # values for exactly one triple of choices: nothing to pick by hand


def run(argv: list[str], job: Callable[[DictConfig], Any]) -> None:
    """Lets Hydra compose argv and call `job(config)` once, or once for each job of a sweep."""
    register_resolvers()

    @hydra.main(**CONFIG)
    def main(config: DictConfig) -> Any:
        return job(config)

    sys.argv = ["dlrun", *flags_last(argv)]
    with raising_plainly(), argparse_that_starts(), own_words(argv):
        main()


def flags_last(argv: list[str]) -> list[str]:
    """Hydra's parser stumbles over a flag between overrides, such as `model=mine --config-dir my_conf optim=sgd`."""

    for key in ("hydra.run.dir", "hydra.sweep.dir"):
        if any(argument.startswith(f"{key}=") for argument in argv):
            raise UserError(f"{key} has no effect here. Type folder=PATH to say where the run or sweep goes.")

    def complain(message: str) -> NoReturn:
        raise UserError(f"{message}. `dlrun --help` shows what can be typed.")

    with argparse_that_starts():
        parser = get_args_parser()
        parser.error = complain  # type: ignore[method-assign]
        arguments = parser.parse_intermixed_args(argv)
    trust.look_beside(arguments.config_dir)
    flags = list(argv)
    for override in arguments.overrides:
        flags.remove(override)
    return [*arguments.overrides, *flags]


def register_resolvers() -> None:
    OmegaConf.register_new_resolver("choice", choice, replace=True)


def choice(group: str) -> str:
    """What stands for a group in this composition: `lstm` for `model`; a path's slashes would make folders."""
    return str(HydraConfig.get().runtime.choices.get(group, "none")).replace("/", "_")


def plain(config: DictConfig, hydra_config: Any = None) -> dict[str, Any]:
    """A run's config as plain values, resolved, with its choices; what is said about running many is left out."""
    values = OmegaConf.to_container(
        OmegaConf.masked_copy(config, [str(key) for key in config if key not in OURS]), resolve=True
    )
    assert isinstance(values, dict)
    if isinstance(node := values.get("data"), dict) and (ours := catalogue.dataset(node.get("_target_"))):
        if changed := [key for key in catalogue.FILES if key in node and node[key] != ours.get(key)]:
            raise UserError(
                f"data.{changed[0]} is dlrun's own to say for {node['_target_']}. For files of yours write a dataset: "
                "one Python file and one YAML, as CONTRIBUTING.md shows."
            )
        values["data"] = {key: value for key, value in node.items() if key not in catalogue.FILES}
    return {**values, "choices": choices(hydra_config or HydraConfig.get())}


def choices(hydra_config: Any) -> dict[str, str]:
    """Group -> what was chosen, without Hydra's own groups and those that say nothing about a run."""
    chosen = hydra_config.runtime.choices
    return {group: name for group, name in chosen.items() if name is not None and group.split("/")[0] not in OURS}


def overrides() -> list[str]:
    return list(HydraConfig.get().overrides.task)


def value_override(text: str) -> tuple[str, Any]:
    """`optim.lr=1e-3` -> ("optim.lr", 0.001), read as for a new run. UserError for what sets no single value."""
    try:
        parsed = OverridesParser.create().parse_override(text)
    except HydraException as error:
        raise UserError(f"{text} is no KEY=VALUE. For example: trainer.epochs=20") from error
    if parsed.is_sweep_override():
        raise UserError(f"{text} has several values; only a new sweep takes them: dlrun -m …")
    if parsed.is_delete() or parsed.is_add():
        raise UserError(f"{text}: a run's keys stay what they are. Type KEY=VALUE.")
    return parsed.get_key_element(), parsed.value()


def sweep_folder() -> Path:
    """The sweep's folder, while one of Hydra's launchers runs a job of it."""
    return Path(HydraConfig.get().sweep.dir)


def job_number() -> int:
    return int(HydraConfig.get().job.num)


@contextlib.contextmanager
def raising_plainly() -> Iterator[None]:
    """Without this, Hydra prints a stack trace of its own and exits; with it, exceptions reach us."""
    before = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = before


@contextlib.contextmanager
def argparse_that_starts() -> Iterator[None]:
    """Hydra 1.3.8 gives argparse a help object that is no string; Python 3.14 checks that and dies (hydra#3121)."""
    check = getattr(argparse.ArgumentParser, "_check_help", None)
    if check is None:
        yield
        return
    argparse.ArgumentParser._check_help = lambda self, action: None  # type: ignore[attr-defined]
    try:
        yield
    finally:
        argparse.ArgumentParser._check_help = check  # type: ignore[attr-defined]


# Hydra's errors in our words


@contextlib.contextmanager
def own_words(argv: list[str]) -> Iterator[None]:
    try:
        yield
    except MissingConfigException as error:
        raise UserError(missing_config(error)) from error
    except OverrideParseException as error:
        raise UserError(f"{error.override} can't be read: {first_line(error.message)}") from error
    except (ConfigCompositionException, HydraException, OmegaConfBaseException) as error:
        raise UserError(composition(error, argv)) from error


def missing_config(error: MissingConfigException) -> str:
    """A choice that does not exist: `model=lsmt`."""
    group, _, name = (error.missing_cfg_file or "").rpartition("/")
    if not group:
        return first_line(str(error))
    possible = [option for option in error.options or [] if not option.startswith("_")]
    return f"There is no {group} {name}. {nearest(name, possible)}"


def composition(error: Exception, argv: list[str]) -> str:
    """A key or a group that does not exist, and everything else that Hydra refuses."""
    text = str(error)
    cause = str(error.__cause__ or "")
    if found := re.search(r"Could not override '([^']+)'", text):
        return unknown_key(found[1], argv)
    if found := re.search(r"In '[^']*': Could not find '([^']+)'", text):
        return unknown_key(found[1], argv)
    if found := re.search(r"Could not append to config\. An item is already at '([^']+)'", text):
        return f"{found[1]} exists already; type {found[1]}=… without the +."
    if found := re.search(r"Ambiguous value for argument '([^']+)'", text):
        key, _, value = found[1].partition("=")
        return f"{found[1]} has several values. For a sweep over them add -m; for one list type '{key}=[{value}]'."
    detail = first_line(cause) if cause and "full_key" in cause else ""
    return " ".join(part for part in (first_line(text), detail) if part)


def unknown_key(key: str, argv: list[str]) -> str:
    """Names the keys that there are where the unknown one was looked for."""
    key = key.split("@")[0]
    node: Any = plain_config(argv)
    path, _, name = key.rpartition(".")
    for step in filter(None, path.split(".")):
        inner = node.get(step) if isinstance(node, dict) else None
        if not isinstance(inner, dict):
            return f"There is no key {key}: there is no {step}. {nearest(step, node if isinstance(node, dict) else [])}"
        node = inner
    possible = [each for each in node if each not in ("_target_", "files", "name", "choices")]
    where = f"{path} has no key {name}" if path else f"There is no key {name}"
    return f"{where}. {nearest(name, possible)}"


def plain_config(argv: list[str]) -> dict[str, Any]:
    """The config without the overrides of single values: what the choices alone make of it."""
    parser = OverridesParser.create()
    chosen = []
    directory = next(
        (value for flag, value in zip(argv, argv[1:], strict=False) if flag in ("--config-dir", "-cd")), None
    )
    for argument in argv:
        with contextlib.suppress(HydraException):
            parsed = parser.parse_override(argument)
            if "." not in parsed.key_or_group and not parsed.is_sweep_override() and "-" not in argument[:1]:
                chosen.append(argument)
    GlobalHydra.instance().clear()
    search = [f"hydra.searchpath=[file://{Path(directory).absolute()}]"] if directory else []
    with hydra.initialize_config_module(config_module="dlrun.conf", version_base="1.3"):
        for attempt in (chosen, [each for each in chosen if not each.startswith(("+", "~"))], []):
            try:
                composed = hydra.compose("config", overrides=[*search, *attempt])
                return dict(OmegaConf.to_container(composed, resolve=False))  # type: ignore[arg-type]
            except (HydraException, OmegaConfBaseException):
                continue
    return {}


def first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and "HYDRA_FULL_ERROR" not in line]
    return lines[0] if lines else ""


def complete(argv: list[str]) -> None:
    """Tab completion by Hydra, with the groups left out that nobody types."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        run(argv, lambda config: None)
    lines = [line for line in shown.getvalue().splitlines() if not line.startswith(HIDDEN_GROUPS)]
    console.out("\n".join(lines))
