"""Config -> objects: the only module that reads the composed config.

Everything is checked before anything is loaded, and no object keeps a config: below here there are only plain values.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer

from dlrun import catalogue, console, memory, trust
from dlrun import device as devices
from dlrun.build import Plan, check_folder, locate, misfit, plan, shown
from dlrun.data import files, source, stand_ins
from dlrun.data.base import Data
from dlrun.data.source import Source
from dlrun.device import Device
from dlrun.due import Settings
from dlrun.errors import DataError, UserError, nearest
from dlrun.limits import Amount, NonNegative, Positive, Seed
from dlrun.optim.schedule import Schedule
from dlrun.task.base import Task
from dlrun.text.embeddings import KeyedVectors

GROUPS = catalogue.PARTS
Given = Callable[[Sequence[str]], KeyedVectors]  # word vectors for a vocabulary
PLAIN_KEYS = ("seed", "batch_size", "stand_in", "trusted", "folder", "choices")


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
    plain = {"seed": Seed, "batch_size": Positive, "stand_in": Literal["auto", "never", "always"]}
    for key, hint in plain.items():
        problem = misfit(config[key], hint)
        if problem:
            raise UserError(f"{key}={shown(config[key])}: {problem}.")
    check_folder(config["folder"])
    typed = "trusted=[{}]" if trusted is None else "--trust {}"
    allowed = trust.packages(config["trusted"] if trusted is None else trusted, typed)
    for group in GROUPS:
        if not isinstance(config[group], dict):
            raise UserError(f"{group}={shown(config[group])}: a group of keys is expected. Pick one: {group}=NAME")
    plans = {group: plan_group(group, config[group], allowed, typed) for group in catalogue.BUILT}
    settings = plan("trainer", config["trainer"], Settings)()
    if settings.epochs is None and settings.max_steps is None:
        raise UserError("A run needs an end: type trainer.epochs=… or trainer.max_steps=…")
    device = plan("device", config["device"], devices.choose)()
    return Plans(
        config=config,
        trusted=allowed,
        settings=settings,
        device=device,
        source=source.find(plans["data"].target, config["data"], config.get("choices", {}).get("data")),
        **plans,
    )


def check_answering(config: dict[str, Any], trusted: Sequence[str]) -> tuple[Plan, Plan]:
    """The task and the model of a checkpoint's config, which is all that an answer needs."""
    typed = "--trust {}"
    allowed = trust.packages(trusted, typed)
    return plan_group("task", config["task"], allowed, typed), plan_group("model", config["model"], allowed, typed)


def plan_group(group: str, node: dict[str, Any], trusted: Sequence[str], typed: str = "trusted=[{}]") -> Plan:
    node = dict(node)
    if "_target_" not in node:
        raise UserError(f"{group} has no _target_: its YAML must name the class to build.")
    target = locate(group, node["_target_"], trusted, typed)
    if group == "data":
        node = {key: value for key, value in node.items() if key not in catalogue.FILES}
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
    made_up = getattr(importlib.import_module(plans.data.target.__module__), "STAND_IN", None)
    origin = "stand-in" if mode == "always" else "upstream"
    if origin == "upstream":
        try:
            folder, digests = files.get(name, table, progress=console.download())
        except DataError as error:
            if mode == "never" or not replaceable or made_up is None:
                raise
            console.warn(f"{error}")
            origin = "stand-in"
    if origin == "stand-in":
        if not isinstance(made_up, stand_ins.StandIn):
            raise UserError(f"{name} has no stand-in. Type stand_in=never.")
        folder, digests = stand_ins.stand_in(name, made_up)
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


def build_parts(plans: Plans, *, replaceable: bool = False, given: Given | None = None) -> Parts:
    """Data, task and model, on their device; weights drawn from `seed`, or those of words `given`."""
    with memory.watched(f"The data ({sizes_of(plans.data)})"):
        data, facts = load_data(plans, replaceable=replaceable)
    task: Task = plans.task(schema=data.schema)
    missing = plans.model.missing(task.sizes)
    if missing:
        raise UserError(does_not_fit(plans, set(task.sizes), missing))
    task.attach(data)
    devices.seed_everything(plans.config["seed"])
    model = build_model(plans.model, task)
    size = sum(each.numel() * each.element_size() for each in model.parameters())
    memory.ask_for(size, f"{plans.model.name} ({sizes_of(plans.model)}): its gradients")
    words = data.schema.vocab.tokens if data.schema.vocab else ()
    if said := plans.init(model=model, words=words, given=given and given(words)):
        console.say(said)
    model.to(plans.device.torch)
    # Convolutions in this layout need half the time on a CPU; it is nothing to other models.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs do not know it
    task.to(plans.device.torch)
    return Parts(data, task, model, plans.device, facts)


def build_model(plan: Plan, task: Task) -> nn.Module:
    with memory.watched(f"{plan.name} ({sizes_of(plan)})"):
        model: nn.Module = plan(**task.sizes)
    return model


def sizes_of(part: Plan) -> str:
    """The whole numbers among its options, one of which is too large: `hidden=1000000000 layers=1`."""
    sizes = {
        key: value
        for key, value in part.options.items()
        if any(type(each) is int for each in (value if isinstance(value, list | tuple) else [value]))
    }
    return " ".join(f"{part.where}.{key}={shown(value)}" for key, value in sizes.items()) or "no sizes"


def build_optim(plans: Plans, parts: Parts) -> tuple[Optimizer, Schedule]:
    model, task = parts.model, parts.task
    measured = {"params": model.parameters(), "model": model}
    measured |= {"objective": parts.data.objective} if parts.data.objective else {}
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

    conf/ says what sizes there are; nothing is known of data and tasks that are the user's own.
    """
    chosen = plans.config["choices"]
    for group in ("data", "task"):
        today = catalogue.read(group, chosen[group]) if chosen[group] in catalogue.choices(group) else {}
        if today.get("_target_") != plans.config[group]["_target_"]:
            return
    sizes = catalogue.offers(chosen["data"], chosen["task"])
    if not sizes:
        kinds = catalogue.takes(chosen["task"])
        names = [name for name in catalogue.choices("data") if catalogue.holds(name) & set(kinds)]
        raise UserError(f"task={chosen['task']} needs {' or '.join(kinds)}; pick data={' or '.join(names)}.")
    if missing := plans.model.missing(sizes):
        raise UserError(does_not_fit(plans, sizes, missing))


def does_not_fit(plans: Plans, sizes: set[str], missing: list[str]) -> str:
    data, fitting = plans.config.get("choices", {}).get("data", "the data"), catalogue.fitting(sizes)
    return (
        f"{plans.model.name} needs {' and '.join(missing)}; {data} offers {', '.join(sorted(sizes))}. "
        f"Pick another data= or model=. Models that fit {data}: {', '.join(fitting) or 'none'}."
    )
