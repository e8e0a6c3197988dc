"""A sweep begins, or goes on: jobs composed and checked, a folder made, workers seated, and off it goes."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from dlrun import build, console
from dlrun.errors import UserError
from dlrun.plain import command, quoted
from dlrun.rundir import OUTPUTS
from dlrun.sweep.folder import Job, SweepDir, is_sweep
from dlrun.sweep.launcher import Launcher

Composed = tuple[list[str], dict[str, Any]]  # the overrides that count, and the job's config
Elsewhere = Callable[[Path, Sequence[Sequence[str]]], None]  # runs the jobs of a sweep's folder somewhere
SHOWN = 5  # of the reasons why jobs do not compose


def checked(composer: Callable[[Sequence[str]], Composed], lists: Sequence[list[str]]) -> list[Composed]:
    """Every job composed and its parts checked, before the first one starts. UserError names those that are wrong."""
    from dlrun import assemble

    good: list[Composed] = []
    problems: dict[str, list[str]] = {}  # what is wrong, and with which jobs
    for number, overrides in enumerate(lists):
        try:
            composed = composer(overrides)
            assemble.check_fit(assemble.check(composed[1]))
            good.append(composed)
        except UserError as error:
            problems.setdefault(str(error), []).append(f"job {number} ({' '.join(overrides)})")
    if problems:
        lines = [
            f"{jobs[0]}{f' and {len(jobs) - 1} more' * (len(jobs) > 1)}: {reason}" for reason, jobs in problems.items()
        ]
        more = [f"and {len(lines) - SHOWN} reasons more"] if len(lines) > SHOWN else []
        hint = "\nWith launcher.lenient=true what is written ++key=value reaches only the jobs that have the key." * (
            bool(good) and any("has no key" in each for each in problems)
        )
        raise UserError(
            f"{len(lists) - len(good)} of {len(lists)} jobs can't run, so none was started:\n"
            + "\n".join(lines[:SHOWN] + more)
            + hint
        )
    return good


def make_folder(wanted: Path | None, facts: dict[str, Any]) -> SweepDir:
    """The folder that was typed, or a new one under outputs/: of many sweeps of one second each gets its own."""
    if wanted and is_sweep(wanted):
        raise UserError(
            f"{wanted} belongs to another sweep. Go on with that one: {command('resume', wanted)}; "
            "or type folder=PATH for another place."
        )
    now = datetime.now()
    return SweepDir.create(wanted or OUTPUTS / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S}-sweep", facts)


def add(sweep: SweepDir, composed: Sequence[Composed]) -> list[Job]:
    """Appends those that the sweep does not have yet; all its jobs."""
    before = sweep.jobs()
    known = {frozenset(job.overrides) for job in before}
    fresh = [each for each in composed if frozenset(each[0]) not in known]
    jobs = [sweep.job(number, *each) for number, each in enumerate(fresh, len(before))]
    if before:
        console.say(f"{len(jobs)} jobs more, {len(composed) - len(fresh)} were there already")
    sweep.add(jobs)
    return [*before, *jobs]


def drive(sweep: SweepDir, *, trusted: tuple[str, ...], retry_failed: bool = False) -> None:
    """Runs what has not ended yet: waiting jobs from their start, interrupted ones from their checkpoints."""
    from dlrun.sweep.drive import Drive, Listed

    facts, jobs = sweep.facts(), sweep.jobs()
    ask_for_trust([package for job in jobs for package in job.config.get("trusted") or ()], trusted)
    launcher = build.plan("launcher", dict(facts["launcher"]), Launcher)()
    workers = workers_of(facts["workers"], saved=sweep.path)
    ended = {"completed", "pruned"} | (set() if retry_failed else {"failed", "diverged"})
    todo = [job for job in jobs if sweep.status(job) not in ended]
    if not todo:
        console.say(f"{sweep.path} is complete: nothing is left to run")
    with sweep.working():
        made = workers(launcher=launcher, jobs=len(jobs), trusted=trusted)
        Drive(sweep, jobs, Listed(todo, jobs), made).run()


def ask_for_trust(wanted: Sequence[str], trusted: Sequence[str]) -> None:
    """A saved sweep's own word on whose code may run is not believed: the user says it again."""
    if missing := sorted(set(wanted) - set(trusted)):
        raise UserError(f"This sweep runs code of somebody's own. If it is yours: {shlex.join(flags(missing))}")


def flags(packages: Sequence[str]) -> list[str]:
    return [word for package in packages for word in ("--trust", package)]


def workers_of(node: dict[str, Any], *, saved: Path | None = None) -> build.Plan:
    """The class that `hydra/launcher=` names: processes of this machine, or of a cluster.

    A `saved` sweep's word on which cluster is not believed: its jobs, and all that is in them, would go there.
    """
    if saved and (address := node.get("address", "auto")) not in ("auto", "local", os.environ.get("RAY_ADDRESS")):
        typed = f"RAY_ADDRESS={quoted(address)} {command('resume', saved)}"
        raise UserError(f"This sweep ran on the Ray cluster {address}. If it is yours: {typed}")
    return build.plan("hydra.launcher", dict(node), build.locate("hydra/launcher", node.get("_target_")))


# a saved command, once more


SEARCHED = ("trials", "sampler", "pruner", "warmup_trials", "warmup_epochs", "goals", "storage", "seed")
HYDRAS = {"hydra/sweeper", *(f"hydra.sweeper.{key}" for key in SEARCHED), "hydra/launcher"}


def again(sweep: SweepDir, trusted: Sequence[str], config_dir: str | None) -> list[str]:
    """What a sweep was started with, as far as a saved file is believed: choices and values of keys.

    Where configs are found, whose code may run and what Hydra itself does comes from what is typed now.
    """
    kept, wanted, folders = [], [], []
    arguments = list(sweep.facts()["command"])
    for place, argument in enumerate(arguments):
        key, _, value = argument.partition("=")
        key, _, package = key.lstrip("+~").partition("@")
        if argument in ("--config-dir", "-cd"):
            folders += arguments[place + 1 : place + 2]
        elif argument.startswith("--config-dir="):
            folders.append(argument.partition("=")[2])
        elif argument.startswith("-") or not re.fullmatch(r"[+~]{0,2}[\w./@:-]+(=.*)?", argument, re.DOTALL):
            continue
        elif key == "trusted":
            wanted += re.findall(r"[\w.]+", argument.partition("=")[2])
        elif package or (key.split(".")[0].split("/")[0] == "hydra" and key not in HYDRAS):
            continue  # optim@hydra.callbacks.x=sgd would be Hydra's to build
        elif (key == "hydra/launcher" and value not in ("local", "ray")) or ("." not in key and ".." in value):
            continue  # a launcher of Hydra's runs other programs; a choice with .. is a file from elsewhere
        elif "=" in argument or argument.startswith("~"):
            kept.append(argument)
    if not config_dir and folders:
        words = [*flags(wanted), "--config-dir", folders[0]]
        raise UserError(f"This sweep uses configs of somebody's own. If they are yours: {shlex.join(words)}")
    ask_for_trust(wanted, trusted)
    typed = [f"trusted=[{','.join(trusted)}]"] if trusted else []
    return [*kept, *typed, *(["--config-dir", config_dir] if config_dir else [])]
