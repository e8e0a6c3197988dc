"""Config -> objects: the only module that reads the composed config.

Everything is checked before anything is loaded, and no object keeps a config: below here there are only plain values.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from dlrun import console, memory
from dlrun import device as devices
from dlrun.config import catalogue, source, trust
from dlrun.config.bind import Spec, check_folder, locate, make_spec, misfit, shown
from dlrun.config.settings import Settings
from dlrun.config.source import Source
from dlrun.data.base import Data
from dlrun.device import Device
from dlrun.errors import DataError, UserError, nearest
from dlrun.files import download, stand_ins
from dlrun.limits import NonNegativeFloat, NonNegativeInt, PositiveInt, Seed
from dlrun.scheduler.base import Schedule
from dlrun.task.base import Task
from dlrun.text.embeddings import KeyedVectors

GROUPS = catalogue.PARTS
Given = Callable[[Sequence[str]], KeyedVectors]  # word vectors for a vocabulary
PLAIN_KEYS = ("seed", "batch_size", "stand_in", "trusted", "folder", "choices")


# the whole: config -> a run's objects


@dataclass(frozen=True)
class RunSpec:
    """Every part checked, nothing loaded yet: mistakes are found before a download or a folder."""

    config: dict[str, Any]
    trusted: tuple[str, ...]
    data: Spec[Data]
    source: Source  # of the data
    task: Spec[Task]
    model: Spec[nn.Module]
    init: Spec[str | None]
    optim: Spec[Optimizer]
    scheduler: Spec[LRScheduler]
    settings: Settings
    device: Device


@dataclass(frozen=True)
class Components:
    """What a run is made of."""

    data: Data
    task: Task
    model: nn.Module
    device: Device
    data_facts: dict[str, object]  # name, source ("upstream", "stand-in" or "generated") and sha256, for the summary


def check(config: dict[str, Any], trusted: Sequence[str] | None = None) -> RunSpec:
    """Names, types and signs of all values. `trusted` of a saved config is not believed: pass what the user says."""
    unknown = [key for key in config if key not in (*GROUPS, *PLAIN_KEYS)]
    if unknown:
        raise UserError(f"There is no key {unknown[0]}. {nearest(unknown[0], (*GROUPS, *PLAIN_KEYS[:-1]))}")
    plain = {"seed": Seed, "batch_size": PositiveInt, "stand_in": Literal["auto", "never", "always"]}
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
    spec = {group: group_spec(group, config[group], allowed, typed) for group in catalogue.BUILT}
    settings = make_spec("trainer", config["trainer"], Settings)()
    if settings.epochs is None and settings.max_steps is None:
        raise UserError("A run needs an end: type trainer.epochs=… or trainer.max_steps=…")
    device = make_spec("device", config["device"], devices.choose)()
    return RunSpec(
        config=config,
        trusted=allowed,
        settings=settings,
        device=device,
        source=source.find(spec["data"].target, config["data"], config.get("choices", {}).get("data")),
        **spec,
    )


def check_answering(config: dict[str, Any], trusted: Sequence[str]) -> tuple[Spec[Task], Spec[nn.Module]]:
    """The task and the model of a checkpoint's config, which is all that an answer needs."""
    typed = "--trust {}"
    allowed = trust.packages(trusted, typed)
    return group_spec("task", config["task"], allowed, typed), group_spec("model", config["model"], allowed, typed)


def group_spec(group: str, node: dict[str, object], trusted: Sequence[str], typed: str = "trusted=[{}]") -> Spec[Any]:
    node = dict(node)
    if "_target_" not in node:
        raise UserError(f"{group} has no _target_: its YAML must name the class to build.")
    target = locate(group, node["_target_"], trusted, typed)
    if group == "data":
        node = {key: value for key, value in node.items() if key not in catalogue.FILES}
    if group == "scheduler":
        check_pace(node)
        node = {key: value for key, value in node.items() if key not in ("every", "warmup")}
    if group == "optim" and "lr" in node and (problem := misfit(node["lr"], NonNegativeFloat)):
        raise UserError(f"optim.lr={shown(node['lr'])}: {problem}.")
    return make_spec(group, node, target)


def goal(task: Spec[Task]) -> str:
    """Of a task that is not built yet, such as "max accuracy": an option, or its class's only one."""
    return str(task.options.get("goal") or task.target.goal)  # type: ignore[attr-defined]


def check_pace(node: dict[str, object]) -> None:
    for key, hint in (("every", Literal["step", "epoch", "evaluation"]), ("warmup", NonNegativeInt)):
        if key not in node:
            raise UserError(f"scheduler.{key} has no value. Put it into the scheduler's YAML.")
        if problem := misfit(node[key], hint):
            raise UserError(f"scheduler.{key}={shown(node[key])}: {problem}.")


def load_data(spec: RunSpec, *, replaceable: bool) -> tuple[Data, dict[str, object]]:
    """The dataset and where it is from. `replaceable`: the user did not name it, so its stand-in may take its place."""
    name, table, mode = spec.source.name, spec.source.files, spec.config["stand_in"]
    if table is None:
        data: Data = spec.data()
        source = "own" if data.sha256 else "generated"
        return data, {"name": next(iter(data.sha256), name), "source": source, "sha256": data.sha256}
    made_up = getattr(importlib.import_module(spec.data.target.__module__), "STAND_IN", None)
    origin = "stand-in" if mode == "always" else "upstream"
    if origin == "upstream":
        try:
            folder, digests = download.get(name, table, progress=console.download())
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
        return spec.data(folder=folder), {"name": name, "source": origin, "sha256": digests}
    except OSError as error:
        if not spec.source.ours:
            raise
        raise DataError(f"{error.filename or folder} can't be read: {error.strerror or error}.") from error


def build_components(spec: RunSpec, *, replaceable: bool = False, given: Given | None = None) -> Components:
    """Data, task and model, on their device; weights drawn from `seed`, or those of words `given`."""
    spec.device.prepare()
    with memory.watched(f"The data ({sizes_of(spec.data)})"):
        data, facts = load_data(spec, replaceable=replaceable)
    task = spec.task(schema=data.schema)
    missing = spec.model.missing(task.sizes)
    if missing:
        raise UserError(does_not_fit(spec, set(task.sizes), missing))
    task.attach(data)
    devices.seed_everything(spec.config["seed"])
    model = build_model(spec.model, task)
    size = sum(each.numel() * each.element_size() for each in model.parameters())
    memory.ask_for(size, f"{spec.model.name} ({sizes_of(spec.model)}): its gradients")
    words = data.schema.vocab.tokens if data.schema.vocab else ()
    if said := spec.init(model=model, words=words, given=given and given(words)):
        console.say(said)
    model.to(spec.device.torch)
    model.to(memory_format=layout(model))  # type: ignore[call-overload]  # torch's stubs do not know it
    task.to(spec.device.torch)
    return Components(data, task, model, spec.device, facts)


def layout(model: nn.Module) -> torch.memory_format:
    """Convolutions with the channels last need half the time on a CPU; it is nothing to other models.

    But not for one of 1 x 1 with a stride that reads fewer than 8 channels: there torch 2.13 writes past its memory in
    the backward pass, which ends the process.
    """
    convolutions = [each for each in model.modules() if isinstance(each, nn.Conv2d)]
    narrow = any(max(c.kernel_size) == 1 and max(c.stride) > 1 and c.in_channels < 8 for c in convolutions)
    return torch.contiguous_format if narrow else torch.channels_last


def build_model(spec: Spec[nn.Module], task: Task) -> nn.Module:
    with memory.watched(f"{spec.name} ({sizes_of(spec)})"):
        return spec(**task.sizes)


def sizes_of(part: Spec[object]) -> str:
    """The whole numbers among its options, one of which is too large: `hidden=1000000000 layers=1`."""
    sizes = {
        key: value
        for key, value in part.options.items()
        if any(type(each) is int for each in (value if isinstance(value, list | tuple) else [value]))
    }
    return " ".join(f"{part.where}.{key}={shown(value)}" for key, value in sizes.items()) or "no sizes"


def build_optim(spec: RunSpec, parts: Components) -> tuple[Optimizer, Schedule]:
    model, task = parts.model, parts.task
    measured = {"params": model.parameters(), "model": model}
    measured |= {"objective": parts.data.objective} if parts.data.objective else {}
    if spec.optim.missing({*measured, "mode"}):
        raise UserError(
            f"{spec.optim.name} needs a function that it can differentiate twice; only data=quadratic has one."
        )
    mode = task.goal.split()[0]
    optim = spec.optim(**measured, mode=mode)
    total = planned_moves(spec, task)
    node = spec.config["scheduler"]
    inner = spec.scheduler(optimizer=optim, T_max=total, total_steps=total, total_iters=total, mode=mode)
    return optim, Schedule(optim, inner, every=node["every"], warmup=node["warmup"], total=total)


def planned_steps(spec: RunSpec, task: Task) -> tuple[int, int]:
    """Optimizer updates in one pass, and in the whole run, which patience may end earlier."""
    settings = spec.settings
    batches = task.batches("train", spec.config["batch_size"], seed=spec.config["seed"], epoch=0)
    updates = -(-settings.pass_batches(len(batches)) // settings.accumulate)
    ends = (settings.epochs and settings.epochs * updates, settings.max_steps)
    return updates, min(end for end in ends if end)


def planned_moves(spec: RunSpec, task: Task) -> int:
    """How often the scheduler moves in the whole run, at its own pace: that is the length of its curve."""
    settings, (updates, steps) = spec.settings, planned_steps(spec, task)
    every = spec.config["scheduler"]["every"]
    if every == "evaluation":
        by_epoch, by_step = settings.eval_every_epochs, settings.eval_every_steps
        return max(1, steps // (updates * by_epoch) if by_epoch else 0, steps // by_step if by_step else 0)
    return max(1, steps if every == "step" else steps // updates)


def check_fit(spec: RunSpec) -> None:
    """UserError for a model that the data does not fit, before any data is there: a sweep asks for each of its jobs.

    conf/ says what sizes there are; nothing is known of data and tasks that are the user's own.
    """
    chosen = spec.config["choices"]
    for group in ("data", "task"):
        today = catalogue.read(group, chosen[group]) if chosen[group] in catalogue.choices(group) else {}
        if today.get("_target_") != spec.config[group]["_target_"]:
            return
    sizes = catalogue.offers(chosen["data"], chosen["task"])
    if not sizes:
        kinds = catalogue.takes(chosen["task"])
        names = [name for name in catalogue.choices("data") if catalogue.holds(name) & set(kinds)]
        tasks = [name for name in catalogue.choices("task") if catalogue.offers(chosen["data"], name)]
        pick = f"; pick data={' or '.join(names)}" if names else ", which no dataset of dlrun's has"
        what = f"task={chosen['task']} needs {' or '.join(kinds)}{pick}"
        raise UserError(f"{what}. Tasks that fit {chosen['data']}: {', '.join(tasks)}.")
    if missing := spec.model.missing(sizes):
        raise UserError(does_not_fit(spec, sizes, missing))


def does_not_fit(spec: RunSpec, sizes: set[str], missing: list[str]) -> str:
    data, fitting = spec.config.get("choices", {}).get("data", "the data"), catalogue.fitting(sizes)
    return (
        f"{spec.model.name} needs {' and '.join(missing)}; {data} offers {', '.join(sorted(sizes))}. "
        f"Pick another data= or model=. Models that fit {data}: {', '.join(fitting) or 'none'}."
    )
