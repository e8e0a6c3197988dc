"""Config -> objects: the only module that reads the composed config.

Everything is checked before anything is loaded, and no object keeps a config: below here there are only plain values.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from dlrun import catalogue, console, memory, trust
from dlrun import device as devices
from dlrun.build import Plan, folder_misfit, locate, misfit, plan, shown
from dlrun.data import files, source, stand_ins
from dlrun.data.base import Data
from dlrun.data.source import Source
from dlrun.device import Device
from dlrun.due import Settings
from dlrun.errors import DataError, UserError, nearest
from dlrun.limits import Amount, NonNegative, Positive, Seed
from dlrun.optim.schedule import Schedule
from dlrun.task.base import Task

GROUPS = ("task", "data", "optim", "scheduler", "model", "init", "device", "trainer")
PLAIN_KEYS = ("seed", "batch_size", "stand_in", "trusted", "folder", "choices")
START_KEYS = {"vectors": str | None, "freeze": bool}  # what a model of words starts from; not options of its class


# the whole: config -> a run's objects


@dataclass(frozen=True)
class Plans:
    """Every part checked, nothing loaded yet: mistakes are found before a download or a folder."""

    config: dict[str, Any]
    trusted: tuple[str, ...]
    data: Plan
    source: Source  # of the data
    task: Plan
    model: Plan
    init: Plan
    optim: Plan
    scheduler: Plan
    settings: Settings
    device: Device
    vectors: str | None  # the run whose word vectors the model starts from, once: a resumed run has its own
    freeze: bool  # they stay as they are


@dataclass(frozen=True)
class Parts:
    """What a run is made of."""

    data: Data
    task: Task
    model: nn.Module
    device: Device
    data_facts: dict[str, Any]  # name, source ("upstream", "stand-in" or "generated") and sha256, for the summary


def check(config: dict[str, Any], trusted: Sequence[str] | None = None) -> Plans:
    """Names, types and signs of all values. `trusted` of a saved config is not believed: pass what the user says."""
    unknown = [key for key in config if key not in (*GROUPS, *PLAIN_KEYS)]
    if unknown:
        raise UserError(f"There is no key {unknown[0]}. {nearest(unknown[0], (*GROUPS, *PLAIN_KEYS[:-1]))}")
    plain = {"seed": Seed, "batch_size": Positive, "stand_in": Literal["auto", "never", "always"], "folder": str | int}
    for key, hint in plain.items():
        problem = misfit(config[key], hint)
        if problem:
            raise UserError(f"{key}={shown(config[key])}: {problem}.")
    if problem := folder_misfit(config["folder"]):
        raise UserError(problem)
    typed = "trusted=[{}]" if trusted is None else "--trust {}"
    allowed = trust.packages(config["trusted"] if trusted is None else trusted, typed)
    for group in GROUPS:
        if not isinstance(config[group], dict):
            raise UserError(f"{group}={shown(config[group])}: a group of keys is expected. Pick one: {group}=NAME")
    plans = {
        group: plan_group(group, config[group], allowed, typed)
        for group in ("data", "task", "model", "init", "optim", "scheduler")
    }
    settings = plan("trainer", config["trainer"], Settings)()
    if settings.epochs is None and settings.max_steps is None:
        raise UserError("A run needs an end: type trainer.epochs=… or trainer.max_steps=…")
    device = plan("device", config["device"], devices.choose)()
    vectors, freeze = config["model"].get("vectors"), config["model"].get("freeze", False)
    if freeze and vectors is None:
        raise UserError("model.freeze=true keeps vectors as they are. Say whose: model.vectors=RUN")
    return Plans(
        config=config,
        trusted=allowed,
        settings=settings,
        device=device,
        source=source.find(plans["data"].target, config["data"], config.get("choices", {}).get("data")),
        vectors=vectors,
        freeze=freeze,
        **plans,
    )


def plan_group(group: str, node: dict[str, Any], trusted: Sequence[str], typed: str = "trusted=[{}]") -> Plan:
    node = dict(node)
    if "_target_" not in node:
        raise UserError(f"{group} has no _target_: its YAML must name the class to build.")
    target = locate(group, node["_target_"], trusted, typed)
    if group == "data":
        node = {key: value for key, value in node.items() if key not in catalogue.FILES}
    if group == "model":
        for key, hint in START_KEYS.items():
            if key in node and (problem := misfit(node[key], hint)):
                raise UserError(f"model.{key}={shown(node[key])}: {problem}.")
        node = {key: value for key, value in node.items() if key not in START_KEYS}
    if group == "scheduler":
        check_pace(node)
        node = {key: value for key, value in node.items() if key not in ("every", "warmup")}
    if group == "optim" and "lr" in node and (problem := misfit(node["lr"], Amount)):
        raise UserError(f"optim.lr={shown(node['lr'])}: {problem}.")
    return plan(group, node, target)


def check_pace(node: dict[str, Any]) -> None:
    for key, hint in (("every", Literal["step", "epoch", "evaluation"]), ("warmup", NonNegative)):
        if key not in node:
            raise UserError(f"scheduler.{key} has no value. Put it into the scheduler's YAML.")
        if problem := misfit(node[key], hint):
            raise UserError(f"scheduler.{key}={shown(node[key])}: {problem}.")


def load_data(plans: Plans, *, replaceable: bool) -> tuple[Data, dict[str, Any]]:
    """The dataset and where it is from. `replaceable`: the user did not name it, so its stand-in may take its place."""
    name, table, mode = plans.source.name, plans.source.files, plans.config["stand_in"]
    if table is None:
        return plans.data(), {"name": name, "source": "generated", "sha256": {}}
    module = importlib.import_module(plans.data.target.__module__)
    origin = "stand-in" if mode == "always" else "upstream"
    if origin == "upstream":
        try:
            folder, digests = files.get(name, table, progress=console.download())
        except DataError as error:
            if mode == "never" or not replaceable or not hasattr(module, "write_stand_in"):
                raise
            console.warn(f"{error}")
            origin = "stand-in"
    if origin == "stand-in":
        if not hasattr(module, "write_stand_in"):
            raise UserError(f"{name} has no stand-in. Type stand_in=never.")
        folder, digests = stand_ins.stand_in(name, module.STAND_IN_VERSION, module.write_stand_in)
        console.warn(
            f"THIS IS NOT {name.upper()}: a small made-up STAND-IN takes its place. "
            "Its scores say nothing about the real data. stand_in=never refuses it."
        )
    try:
        return plans.data(folder=folder), {"name": name, "source": origin, "sha256": digests}
    except OSError as error:
        if not plans.source.ours:
            raise
        raise DataError(f"{error.filename or folder} can't be read: {error.strerror or error}.") from error


def build_parts(plans: Plans, *, replaceable: bool = False) -> Parts:
    """Data, task and model, on their device; weights drawn from `seed`."""
    with memory.watched(f"The data ({sizes_of(plans.data)})"):
        data, facts = load_data(plans, replaceable=replaceable)
    task: Task = plans.task(data=data)
    missing = plans.model.missing(task.sizes)
    if missing:
        raise UserError(does_not_fit(plans, set(task.sizes), missing))
    devices.seed_everything(plans.config["seed"])
    with memory.watched(what := f"{plans.model.name} ({sizes_of(plans.model)})"):
        model: nn.Module = plans.model(**task.sizes)
    memory.ask_for(sum(each.numel() * each.element_size() for each in model.parameters()), f"{what}: its gradients")
    plans.init(model=model)
    if plans.vectors is not None:
        check_start(model, plans.freeze)
    model.to(plans.device.torch)
    # Convolutions in this layout need half the time on a CPU; it is nothing to other models.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs do not know it
    task.to(plans.device.torch)
    return Parts(data, task, model, plans.device, facts)


def sizes_of(part: Plan) -> str:
    """The whole numbers among its options, one of which is too large: `hidden=1000000000 layers=1`."""
    sizes = {
        key: value
        for key, value in part.options.items()
        if any(type(each) is int for each in (value if isinstance(value, list | tuple) else [value]))
    }
    return " ".join(f"{part.where}.{key}={shown(value)}" for key, value in sizes.items()) or "no sizes"


def word_tables(model: nn.Module) -> list[Tensor]:
    """(V, D) each: what given word vectors are written into. A model whose `vectors` are made of others has none."""
    tables = getattr(model, "tables", None) or [getattr(model, "vectors", None)]
    return [table for table in tables if isinstance(table, Tensor) and table.is_leaf]


def check_start(model: nn.Module, freeze: bool) -> None:
    """A model that starts from given vectors needs a table for them, which `freeze` then takes out of the training."""
    tables = word_tables(model)
    if not tables:
        raise UserError(
            f"{type(model).__name__} has no vectors of words to start from others. Type model.vectors=null."
        )
    if not freeze:
        return
    if len(tables) > 1:
        raise UserError(
            "One of the two channels is frozen anyway. Type model.freeze=false or model.two_channels=false."
        )
    if sum(parameter is tables[0] for _, parameter in model.named_parameters(remove_duplicate=False)) > 1:
        raise UserError("model.freeze=true would freeze the output too: it is tied. Type model.tied=false.")
    tables[0].requires_grad_(False)


def build_optim(plans: Plans, model: nn.Module, task: Task) -> tuple[Optimizer, Schedule]:
    measured = {"params": model.parameters(), "model": model}
    measured |= {"objective": task.data.objective} if task.data.objective else {}
    if plans.optim.missing({*measured, "mode"}):
        raise UserError(
            f"{plans.optim.name} needs a function that it can differentiate twice; only data=quadratic has one."
        )
    mode = task.goal.split()[0]
    optim: Optimizer = plans.optim(**measured, mode=mode)
    total = planned_moves(plans, task)
    node = plans.config["scheduler"]
    inner = plans.scheduler(optimizer=optim, T_max=total, total_steps=total, total_iters=total, mode=mode)
    return optim, Schedule(optim, inner, every=node["every"], warmup=node["warmup"], total=total)


def planned_moves(plans: Plans, task: Task) -> int:
    """How often the scheduler moves in the whole run, at its own pace: that is the length of its curve."""
    settings = plans.settings
    batches = task.batches("train", plans.config["batch_size"], seed=plans.config["seed"], epoch=0)
    updates = -(-settings.pass_batches(len(batches)) // settings.accumulate)  # in one pass
    ends = (settings.epochs and settings.epochs * updates, settings.max_steps)
    steps = min(end for end in ends if end)
    every = plans.config["scheduler"]["every"]
    if every == "evaluation":
        by_epoch, by_step = settings.eval_every_epochs, settings.eval_every_steps
        return max(1, steps // (updates * by_epoch) if by_epoch else 0, steps // by_step if by_step else 0)
    return max(1, steps if every == "step" else steps // updates)


def check_fit(plans: Plans) -> None:
    """UserError for a model that the data does not fit, before any data is there: a sweep asks for each of its jobs.

    What sizes there are the data's stand-in tells; nothing is known of data and tasks that are the user's own.
    """
    chosen = plans.config["choices"]
    for group in ("data", "task"):
        today = catalogue.read(group, chosen[group]) if chosen[group] in catalogue.choices(group) else {}
        if today.get("_target_") != plans.config[group]["_target_"]:
            return
    sizes = offered_sizes(chosen["data"], chosen["task"])
    if missing := plans.model.missing(sizes):
        raise UserError(does_not_fit(plans, sizes, missing))


def does_not_fit(plans: Plans, sizes: set[str], missing: list[str]) -> str:
    data = plans.config.get("choices", {}).get("data", "the data")
    return (
        f"{plans.model.name} needs {' and '.join(missing)}; {data} offers {', '.join(sorted(sizes))}. "
        f"Pick another data= or model=. Models that fit {data}: {', '.join(models_that_fit(sizes)) or 'none'}."
    )


def models_that_fit(sizes: set[str]) -> list[str]:
    """The models of conf/model whose required sizes are all offered."""
    return [name for name in catalogue.choices("model") if not needs_of(name) - sizes]


def needs_of(model: str) -> set[str]:
    """The sizes that a model of conf/model can't do without."""
    node = catalogue.read("model", model)
    return set(Plan("model", locate("model", node["_target_"]), node).required())


@cache
def offered_sizes(data: str, task: str) -> set[str]:
    """What a task makes of a dataset's sizes, seen on its stand-in. UserError where the two don't go together."""
    node = catalogue.read("data", data)
    made = plan_group("data", node, ())
    module = importlib.import_module(made.target.__module__)
    measured = {}
    if "files" in node:
        measured["folder"], _ = stand_ins.stand_in(node["name"], module.STAND_IN_VERSION, module.write_stand_in)
    built: Task = plan_group("task", catalogue.read("task", task), ())(data=made(**measured))
    return set(built.sizes)
