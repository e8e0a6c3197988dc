"""One session of a run: parts, folder and trainer brought together, for `train`, `resume` and those that read a run."""

from __future__ import annotations

import platform
import signal
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml
from torch.optim import Optimizer

from dlrun import answer, assemble, blame, console, git, hparams, report, restore, saved
from dlrun.assemble import Parts, Plans
from dlrun.errors import DlrunError, RunFailed, Stopped, UserError
from dlrun.optim.schedule import Schedule
from dlrun.plain import storable
from dlrun.rundir import RunDir
from dlrun.signals import StopWish, Watch, nobody
from dlrun.trainer import Trainer


def start(
    config: dict[str, Any],
    overrides: list[str],
    *,
    replaceable: bool,
    trusted: Sequence[str] | None = None,
    watch: Watch = nobody,
    run: RunDir | None = None,
) -> RunDir:
    """Trains a new run. Its folder is made once everything is known to fit, unless it is there already."""
    plans, overrides = assemble.check(config, trusted), list(map(storable, overrides))
    try:
        given = answer.given_vectors(plans)
        parts = assemble.build_parts(plans, replaceable=replaceable, given=given)
        config["stand_in"] = "always" if parts.data_facts["source"] == "stand-in" else "never"  # resumed: as it was
        engine = assemble.build_optim(plans, parts)
    except DlrunError:
        raise
    except Exception as error:
        if lower := blame.out_of_memory(error, config):
            raise UserError(lower) from error
        run = run or RunDir.create(Path(str(config["folder"])))
        config["folder"] = storable(str(run.path))
        with ending(run, config, overrides):
            run.write_config(config)
            raise
    with StopWish() as stop:  # from here on there is a folder, which a run that is stopped can go on with
        run = run or RunDir.create(Path(str(config["folder"])))
        config["folder"] = storable(str(run.path))
        with ending(run, config, overrides, stop):
            run.write_config(config)
            train(run, plans, parts, engine, overrides=overrides, watch=watch, stop=stop)
    return run


def resume(
    run: RunDir,
    plans: Plans,
    *,
    overrides: list[str],
    watch: Watch = nobody,
    checkpoint: str | None = None,
    changed: Sequence[str] = (),
) -> None:
    """Goes on with a run from its newest whole checkpoint, or from the one that is named.

    `overrides`: all that its summary is to name. `changed`: what was typed anew; config.yaml then
    says what these plans do, once it is known that the run goes on.
    """
    with ending(run, plans.config, overrides):
        parts = assemble.build_parts(plans)
        engine = assemble.build_optim(plans, parts)
        saved.warn_of_other_data(run, parts)
    log = console.log_to(run.path, "run.log")
    with StopWish() as stop, ending(run, plans.config, overrides, stop), log, run.working():
        name, state, damaged = restore.newest(run, checkpoint)
        trainer = make_trainer(run, plans, parts, engine, overrides=overrides, watch=watch, stop=stop)
        step = 0
        if state:
            trainer.load_state_dict(state)
            step = trainer.at.step
            restore.say_what_is_lost(name, damaged, step)
        if changed:
            run.write_config(plans.config)
            console.say(f"changed: {' '.join(changed)}")
        if bad := run.forget_after(step):
            console.warn(f"{run.path}/metrics.jsonl had {bad} damaged lines, which are left out now")
        if state and name != "last":
            run.save_checkpoint("last", trainer.state_dict())
        with run.writing(purge_after=step):
            restore.check_best(trainer)
            report.introduce(run, plans, parts, step)
            fit_on_the_board(trainer, run, plans, overrides)


def train(
    run: RunDir,
    plans: Plans,
    parts: Parts,
    engine: tuple[Optimizer, Schedule],
    *,
    overrides: list[str],
    watch: Watch,
    stop: StopWish,
) -> None:
    """Trains in a new run's folder, and says how it ended."""
    with console.log_to(run.path, "run.log"), run.working(), run.writing():
        trainer = make_trainer(run, plans, parts, engine, overrides=overrides, watch=watch, stop=stop)
        report.introduce(run, plans, parts, 0)
        run.log_text("config", f"```yaml\n{yaml.safe_dump(plans.config, sort_keys=False)}```", 0)
        fit_on_the_board(trainer, run, plans, overrides)


def make_trainer(
    run: RunDir,
    plans: Plans,
    parts: Parts,
    engine: tuple[Optimizer, Schedule],
    *,
    overrides: list[str],
    watch: Watch,
    stop: StopWish,
) -> Trainer:
    return Trainer(
        task=parts.task,
        model=parts.model,
        optim=engine[0],
        schedule=engine[1],
        device=parts.device,
        run=run,
        settings=plans.settings,
        seed=plans.config["seed"],
        batch_size=plans.config["batch_size"],
        summary=facts(plans, parts, overrides),
        meaning={"config": plans.config, "schema": parts.task.schema.state_dict()},
        watch=watch,
        stop=stop,
    )


def fit_on_the_board(trainer: Trainer, run: RunDir, plans: Plans, overrides: Sequence[str]) -> None:
    """With what only TensorBoard is told."""
    hparams.chart_train_and_val(run, trainer.metric)
    with hparams.told(run, plans.config, overrides, f"{trainer.mode} {trainer.goal_tag}", trainer.summary):
        fit_and_tell(trainer, run, plans)


def keep_pictures(trainer: Trainer, run: RunDir, plans: Plans) -> None:
    """Pictures of how it went, also of a run that diverged or was stopped: those tell the most."""
    chosen, lr = plans.config["choices"], plans.config["optim"].get("lr")
    title = " ".join(filter(None, (chosen.get("optim"), f"lr={lr:g}" if lr else "")))
    for name, picture in trainer.task.pictures(trainer.model, title).items():
        console.say(f"picture: {run.keep_picture(name, picture, trainer.at.step)}")


def fit_and_tell(trainer: Trainer, run: RunDir, plans: Plans) -> None:
    try:
        trainer.fit()
    finally:
        if not trainer.stop.at_once:
            keep_pictures(trainer, run, plans)
    report.show_result(trainer, run, plans)


@contextmanager
def ending(run: RunDir, config: dict[str, Any], overrides: list[str], stop: StopWish | None = None) -> Iterator[None]:
    """Whatever ends a run that has a folder becomes one line for the person; traceback and status are in the folder."""
    try:
        yield
    except BaseException as error:
        if stop is not None and stop.at_once:  # whatever torch, in mid-write, made of AtOnce
            raise Stopped(f"Stopped at once. {blame.how_to_go_on(run)}", signal.SIGINT) from None
        if not isinstance(error, Exception) or (isinstance(error, DlrunError) and not isinstance(error, RunFailed)):
            raise
        told = blame.explained(error, run, config)
        with suppress(OSError, DlrunError):  # the disk may be full
            if told is not error:
                with console.log_to(run.path, "run.log"):
                    console.log_only("".join(traceback.format_exception(error)))
            note_failure(run, config, overrides, str(told))
        raise told from error


def note_failure(run: RunDir, config: dict[str, Any], overrides: list[str], reason: str) -> None:
    """In the summary: of a run that never came to its trainer, and in place of an exception's own words."""
    summary = run.read_summary()
    if summary.get("status") in (None, "running", "failed") and not run.in_use():
        known = {"choices": config["choices"], "overrides": overrides, "seed": config["seed"]}
        run.write_summary({**known, **summary, "status": "failed", "error": reason})


def facts(plans: Plans, parts: Parts, overrides: list[str]) -> dict[str, Any]:
    """What summary.json says from the start."""
    return {
        "status": "running",
        "choices": plans.config["choices"],
        "parameters": sum(parameter.numel() for parameter in parts.model.parameters()),
        "seed": plans.config["seed"],
        "device": str(parts.device),
        "data": parts.data_facts,
        "overrides": overrides,
        "versions": versions(),
        "git": git.state(Path.cwd()),
    }


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in ("dlrun", "torch", "numpy", "hydra-core"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
