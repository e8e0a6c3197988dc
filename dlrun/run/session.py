"""One session of a run: components, folder and trainer brought together, to train it anew or to go on with it."""

import platform
import signal
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import yaml
from torch.optim import Optimizer

from dlrun import console
from dlrun.config import assemble
from dlrun.config.assemble import Components, RunSpec
from dlrun.errors import DlrunError, RunFailed, Stopped, UserError
from dlrun.run import answer, blame, git, hparams, init_from, report, restore, saved
from dlrun.run.evaluate import baseline, rehearse
from dlrun.run.folder import RunDir
from dlrun.run.signals import GracefulStop, ShouldPrune, never_prune
from dlrun.run.summary import Summary
from dlrun.run.trainer import Trainer
from dlrun.scheduler.base import Schedule
from dlrun.terminal.plain import amount, storable


def start(
    config: dict[str, object],
    overrides: list[str],
    *,
    replaceable: bool,
    trusted: Sequence[str] | None = None,
    should_prune: ShouldPrune = never_prune,
    run: RunDir | None = None,
    again: RunDir | None = None,
    begun: Callable[[RunDir], object] = lambda run: None,
) -> RunDir:
    """A new run, trained. Its folder is made once all is known to fit, unless it is there; then begun(run).
    `again`: the run whose config this is, so that it has to be the same files of the user's own."""
    spec, overrides = assemble.check(config, trusted), list(map(storable, overrides))
    try:
        spec, parts, engine = build(spec, replaceable=replaceable, again=again)
        rehearse(parts.task, parts.model, parts.device, spec.config["batch_size"])
    except DlrunError:
        raise
    except Exception as error:
        if lower := blame.out_of_memory(error, config):
            raise UserError(lower) from error
        run = opened(run, config, begun)
        spec = with_values(spec, folder=storable(str(run.path)))
        with ending(run, spec.config, Summary(run, typed(spec, overrides))):
            run.write_config(spec.config)
            raise
    with GracefulStop() as stop:  # from here on there is a folder, which a run that is stopped can go on with
        run = opened(run, config, begun)
        spec = with_values(spec, folder=storable(str(run.path)))
        with ending(run, spec.config, Summary(run, typed(spec, overrides)), stop):
            run.write_config(spec.config)
            with console.log_to(run.path, "run.log"), run.working(), run.writing():
                trainer = make_trainer(run, spec, parts, engine, overrides, should_prune, stop)
                init_from.keep_first(trainer, spec.settings)
                report.introduce(run, spec, parts, 0)
                run.log_text("config", f"```yaml\n{yaml.safe_dump(spec.config, sort_keys=False)}```", 0)
                fit_on_the_board(trainer, run, spec, overrides)
    return run


def opened(run: RunDir | None, config: dict[str, object], begun: Callable[[RunDir], object]) -> RunDir:
    """The run's folder, made where there is none."""
    run = run or RunDir.create(Path(str(config["folder"])))
    begun(run)
    return run


def build(
    spec: RunSpec, *, replaceable: bool, again: RunDir | None = None
) -> tuple[RunSpec, Components, tuple[Optimizer, Schedule]]:
    """All that a new run is made of, and its spec with what was found: resumed, it takes the same again."""
    given, run = answer.given_vectors(spec)
    source = None if spec.settings.init_from is None else init_from.Source.open(spec.settings.init_from)
    with nullcontext() if again is None else saved.silent_on_others(again, spec):
        parts = assemble.build_components(spec, replaceable=replaceable, given=given)
    if again is not None and parts.data.sha256:
        saved.check_data(again, parts)
    spec = with_values(spec, stand_in="always" if parts.data_facts["source"] == "stand-in" else "never")
    if run is not None:  # by its path: `last` will soon be another
        spec = with_values(spec, init={**spec.config["init"], "run": str(run)})
    if source is not None:
        console.say(source.into(parts.model, parts.task.schema))
        spec = with_values(spec, trainer={**spec.config["trainer"], "init_from": storable(str(source.where))})
    return spec, parts, assemble.build_optim(spec, parts)


def with_values(spec: RunSpec, **values: object) -> RunSpec:
    """The same spec, of a config that says what this run has come to."""
    return replace(spec, config={**spec.config, **values})


def resume(
    run: RunDir,
    spec: RunSpec,
    *,
    overrides: list[str],
    should_prune: ShouldPrune = never_prune,
    checkpoint: str | None = None,
    changed: Sequence[str] = (),
) -> None:
    """Goes on with a run from its newest whole checkpoint, or from the one that is named.

    `overrides`: all that its summary is to name. `changed`: what was typed anew; config.yaml then
    says what this spec does, once it is known that the run goes on.
    """
    summary = Summary(run, typed(spec, overrides))
    with ending(run, spec.config, summary):
        with saved.silent_on_others(run, spec, typed=[each.partition("=")[0] for each in changed]):
            parts = assemble.build_components(spec)
        engine = assemble.build_optim(spec, parts)
        saved.check_data(run, parts, typed=[each.partition("=")[0] for each in changed])
    log = console.log_to(run.path, "run.log")
    with GracefulStop() as stop, ending(run, spec.config, summary, stop), log, run.working():
        name, state, damaged = restore.newest(run, checkpoint, drawn=not spec.settings.init_from)
        trainer = make_trainer(run, spec, parts, engine, overrides=overrides, should_prune=should_prune, stop=stop)
        if state:
            trainer.load_state_dict(state)
            restore.say_what_is_lost(name, damaged, trainer.state.step)
        if changed:
            run.write_config(spec.config)
            console.say(f"changed: {' '.join(changed)}")
        logged = trainer.state.logged  # one killed in its first evaluation knows less of lines than of steps
        if bad := run.forget_after(logged, tested=trainer.due.end(trainer.state)):
            console.warn(f"{run.path}/metrics.jsonl had {amount(bad, 'damaged line')}, left out now")
        if state and name != "last":
            run.save_checkpoint("last", trainer.state_dict())
        with run.writing(purge_after=logged):
            restore.check_best(trainer)
            report.introduce(run, spec, parts, trainer.state.step)
            fit_on_the_board(trainer, run, spec, overrides)


def make_trainer(
    run: RunDir,
    spec: RunSpec,
    parts: Components,
    engine: tuple[Optimizer, Schedule],
    overrides: list[str],
    should_prune: ShouldPrune,
    stop: GracefulStop,
) -> Trainer:
    return Trainer(
        task=parts.task,
        model=parts.model,
        optim=engine[0],
        schedule=engine[1],
        device=parts.device,
        run=run,
        settings=spec.settings,
        seed=spec.config["seed"],
        batch_size=spec.config["batch_size"],
        summary=Summary(run, facts(spec, parts, overrides)),
        meaning={"config": spec.config, "schema": parts.task.schema.state_dict()},
        should_prune=should_prune,
        stop=stop,
    )


def fit_on_the_board(trainer: Trainer, run: RunDir, spec: RunSpec, overrides: Sequence[str]) -> None:
    """With what only TensorBoard is told."""
    hparams.chart_train_and_val(run, trainer.metric)
    with hparams.log_hparams(run, spec.config, overrides, f"{trainer.mode} {trainer.goal_tag}"):
        fit_and_tell(trainer, run, spec)


def keep_pictures(trainer: Trainer, run: RunDir, spec: RunSpec) -> None:
    """Pictures of how it went, also of a run that diverged or was stopped: those tell the most."""
    chosen, lr = spec.config["choices"], spec.config["optim"].get("lr")
    title = " ".join(filter(None, (chosen.get("optim"), f"lr={lr:g}" if lr else "")))
    for name, picture in trainer.task.pictures(trainer.model, title).items():
        console.say(f"picture: {run.keep_picture(name, picture, trainer.state.step)}")


def fit_and_tell(trainer: Trainer, run: RunDir, spec: RunSpec) -> None:
    try:
        with trainer.summary.kept(), explained(run, spec.config, trainer.stop):
            trainer.fit()
    finally:
        if not trainer.stop.at_once:
            keep_pictures(trainer, run, spec)
    report.show_result(trainer, run, spec)


@contextmanager
def explained(run: RunDir, config: dict[str, object], stop: GracefulStop | None = None) -> Iterator[None]:
    """Whatever ends a run that has a folder becomes one line for the person; its traceback goes to run.log."""
    try:
        yield
    except BaseException as error:
        if stop is not None and stop.at_once:  # whatever torch, in mid-write, made of AtOnce
            raise Stopped(f"Stopped at once. {blame.how_to_go_on(run)}", signal.SIGINT).of(run.path) from None
        if isinstance(error, DlrunError):
            error.of(run.path)
        if not isinstance(error, Exception) or isinstance(error, DlrunError):
            raise
        with suppress(OSError, DlrunError), console.log_to(run.path, "run.log"):  # the disk may be full
            console.log_only("".join(traceback.format_exception(error)))
        raise blame.explained(error, run, config).of(run.path) from error


@contextmanager
def ending(
    run: RunDir, config: dict[str, object], summary: Summary, stop: GracefulStop | None = None
) -> Iterator[None]:
    """`explained`, and in the summary the reason of one that failed before or after its training."""
    try:
        with explained(run, config, stop):
            yield
    except RunFailed as error:
        with suppress(OSError, DlrunError):
            summary.note_failure(str(error))
        raise


def typed(spec: RunSpec, overrides: list[str]) -> dict[str, object]:
    """What summary.json says of a run that never came to its trainer."""
    return {"choices": spec.config["choices"], "overrides": overrides, "seed": spec.config["seed"]}


def facts(spec: RunSpec, parts: Components, overrides: list[str]) -> dict[str, object]:
    """What summary.json says from the start."""
    return {
        "choices": spec.config["choices"],
        "parameters": sum(parameter.numel() for parameter in parts.model.parameters()),
        "seed": spec.config["seed"],
        "device": str(parts.device),
        "data": parts.data_facts,
        "baseline": baseline(parts.task),
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
