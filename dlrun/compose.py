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
from hydra import version
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from dlrun import catalogue, console, own_yaml, trust, typed
from dlrun.complaints import first_line, own_words
from dlrun.errors import UserError, nearest

CONFIG = {"version_base": "1.3", "config_path": "pkg://dlrun.conf", "config_name": "config"}
SHOWING = ("--cfg", "-c", "--info", "-i", "--hydra-help", "--version", "--shell-completion", "-sc")
OURS = ("hydra", "launcher", "sweep")  # what the config says about running many, not about a run
HIDDEN_GROUPS = ("tuned",)  # values for exactly one triple of choices: nothing to pick by hand


def run(argv: list[str], job: Callable[[DictConfig], Any]) -> None:
    """Composes argv and calls `job(config)`; with a flag such as --cfg, Hydra shows something instead."""
    argv = flags_last(argv)
    register_resolvers()
    if any(flag in SHOWING or flag.partition("=")[0] in SHOWING for flag in argv):
        show(argv)
        return
    # Hydra's own main composes twice, and prints words of its own about whatever the job raises.
    with raising_plainly(), argparse_that_starts(), own_words(argv), composing(argv, RunMode.RUN) as (_, config):
        HydraConfig.instance().set_config(config)
        job(config)


def show(argv: list[str]) -> None:
    """What Hydra shows of itself, and its complaint where it ends the program."""

    @hydra.main(**CONFIG)
    def main(config: DictConfig) -> None:
        pass

    sys.argv, said = ["dlrun", *argv], io.StringIO()
    with raising_plainly(), argparse_that_starts(), own_words(argv):
        if "--cfg" in argv or "-c" in argv:
            with composing(argv, RunMode.RUN):  # a file of one's own that can't be read is told in our words
                pass
        try:
            with contextlib.redirect_stderr(said):
                main()
        except SystemExit as end:
            if end.code:
                raise UserError(first_line(said.getvalue())) from end
        except ValueError as error:  # two such flags at once, completion without its argument
            raise UserError(first_line(str(error))) from error


@contextlib.contextmanager
def composing(argv: list[str], mode: RunMode) -> Iterator[tuple[Hydra, DictConfig]]:
    """Hydra's own way up to where a run, or its sweeper, would begin."""
    parsed = get_args_parser().parse_args(argv)
    version.setbase("1.3")
    search_path = create_config_search_path(parsed.config_path or CONFIG["config_path"])
    if parsed.config_dir:
        folder = os.path.abspath(parsed.config_dir)
        if not os.path.isdir(folder):
            raise UserError(f"--config-dir {parsed.config_dir}: there is no such folder.")
        search_path.prepend("command-line", f"file://{folder}", SearchPathQuery(provider="schema"))
    composer = Hydra.create_main_hydra2(task_name="dlrun", config_search_path=search_path)
    own_yaml.guard(composer.config_loader.get_sources())
    try:
        yield (
            composer,
            composer.compose_config(
                config_name=parsed.config_name or CONFIG["config_name"],
                overrides=parsed.overrides,
                run_mode=mode,
                with_log_configuration=False,
            ),
        )
    finally:
        GlobalHydra.instance().clear()


def flags_last(argv: list[str]) -> list[str]:
    """Overrides as Hydra can read them, then the flags: its parser stumbles over a flag between two of them."""

    def complain(message: str) -> NoReturn:
        raise UserError(f"{message}. `dlrun --help` shows what can be typed.")

    with argparse_that_starts():
        parser = get_args_parser()
        parser.error, parser.allow_abbrev = complain, False  # type: ignore[method-assign]
        known = parser._option_string_actions
        for flag, following in zip(argv, [*argv[1:], ""], strict=False):
            if re.match("--?[A-Za-z]", flag) and flag.partition("=")[0] not in known:
                raise UserError(typed.no_flag(flag, following))
        parsed = parser.parse_intermixed_args(argv)
    if parsed.experimental_rerun is not None:
        raise UserError("--experimental-rerun has no effect here. Type dlrun rerun RUN")
    if (parsed.resolve or parsed.package is not None) and parsed.cfg is None:
        raise UserError("--resolve and --package say how --cfg shows the config: dlrun --cfg job --resolve")
    trust.look_beside(parsed.config_dir)
    flags = list(argv)
    for override in parsed.overrides:
        flags.remove(override)
    return [*(str(typed.read(each, parsed.overrides).input_line) for each in parsed.overrides), *flags]


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


def saved_override(text: str) -> tuple[str, Any]:
    """`optim.lr=1e-3` -> ("optim.lr", 0.001), for a run that is there. UserError for what sets no single value.

    `device=cpu` moves it: that is device.name, and its precision stays.
    """
    parsed = typed.read(text)
    if parsed.is_sweep_override():
        raise UserError(f"{text} has several values; only a new sweep takes them: dlrun -m …")
    if parsed.is_add():
        raise UserError(f"{text}: a run's keys stay what they are. Type KEY=VALUE.")
    key, value = parsed.get_key_element(), parsed.value()
    if key != "device":
        return key, value
    if value not in catalogue.choices("device"):
        raise UserError(f"There is no device {value}. {nearest(str(value), catalogue.choices('device'))}")
    return "device.name", value


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


def complete(argv: list[str]) -> None:
    """Tab completion by Hydra, with the groups left out that nobody types."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        run(argv, lambda config: None)
    lines = [line for line in shown.getvalue().splitlines() if not line.startswith(HIDDEN_GROUPS)]
    console.out("\n".join(lines))
