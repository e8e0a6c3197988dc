"""Config -> objects: the only module that reads the composed config.

The star rule: what stands before a constructor's `*` is measured (from the data, filled in by name), what stands after
it is chosen in YAML. Every mismatch of names and types is one line for the user.
"""

from __future__ import annotations

import importlib
import inspect
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

from torch import nn
from torch.optim import Optimizer

from dlrun import catalogue, console
from dlrun import device as devices
from dlrun.data import files
from dlrun.data.base import Data
from dlrun.device import Device
from dlrun.errors import DataError, UserError, nearest
from dlrun.limits import Amount, NonNegative, Positive, Range
from dlrun.optim.schedule import Schedule
from dlrun.task.base import Task
from dlrun.trainer import Settings

OWN_PACKAGES = ("dlrun", "torch.nn", "torch.optim")
GROUPS = ("task", "data", "optim", "scheduler", "model", "device", "trainer")
PLAIN_KEYS = ("seed", "batch_size", "stand_in", "trusted", "folder", "choices")
DATA_FILE_KEYS = ("name", "files")  # where a dataset's files are; not options of its load()


# one part: name -> class, YAML -> arguments


def locate(target: str, trusted: Sequence[str] = ()) -> Callable[..., Any]:
    """The class or function named by `_target_`, if it is *defined* in a package that may be built from.

    What is merely importable through such a package (`torch.os.system`) is refused: a config is data, not code.
    """
    allowed = (*OWN_PACKAGES, *trusted)
    if not target.startswith(tuple(f"{package}." for package in allowed)):
        raise UserError(f"_target_ {target} is not trusted. Type trusted=[{target.split('.')[0]}] if it is yours.")
    module_name, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), name, None)
    except ModuleNotFoundError as error:
        raise UserError(f"_target_ {target}: there is no module {error.name}.") from error
    defined = getattr(found, "__module__", None) or ""
    if not callable(found):
        module = importlib.import_module(module_name)
        raise UserError(f"_target_ {target}: {module_name} has no {name}. {nearest(name, public_names(module))}")
    if not f"{defined}.".startswith(tuple(f"{package}." for package in allowed)):
        raise UserError(f"_target_ {target} is defined in {defined}, which is not trusted.")
    return found


def public_names(module: types.ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if inspect.isclass(value) and not name.startswith("_")]


@dataclass(frozen=True)
class Plan:
    """A part that was checked and can be built: `plan(**measured)`."""

    where: str  # the group, for messages: "model"
    target: Callable[..., Any]
    options: dict[str, Any]

    @property
    def name(self) -> str:
        return self.target.__name__

    def required(self) -> list[str]:
        """What has to be measured: parameters without a default that YAML does not give."""
        return [
            name
            for name, parameter in parameters(self.target).items()
            if parameter.default is parameter.empty and name not in self.options
        ]

    def missing(self, measured: typing.Iterable[str]) -> list[str]:
        return [name for name in self.required() if name not in measured]

    def __call__(self, **measured: Any) -> Any:
        """Builds it; of `measured` it takes what it has a name for and YAML does not give."""
        known = parameters(self.target)
        fills = {name: value for name, value in measured.items() if name in known and name not in self.options}
        try:
            return self.target(**fills, **self.options)
        except (
            ValueError,
            TypeError,
            RuntimeError,
        ) as error:  # torch's own checks, such as "Invalid learning rate: -1"
            raise UserError(f"{self.where}: {self.name} refuses its options: {error}") from error


def plan(where: str, node: dict[str, Any], target: Callable[..., Any]) -> Plan:
    """Checks the names and types of YAML's values against the target's signature."""
    known, hints = parameters(target), annotations(target)
    options = {key: value for key, value in node.items() if key != "_target_"}
    measured = {name for name, parameter in known.items() if is_measured(parameter, target)}
    for key, value in options.items():
        if key not in known or key in measured:
            possible = [name for name in known if name not in measured]
            raise UserError(f"{where}.{key} is not an option of {target.__name__}. {nearest(key, possible)}")
        problem = misfit(value, hints.get(key, Any))
        if problem:
            raise UserError(f"{where}.{key}={shown(value)}: {problem}.")
        if isinstance(value, list) and tuple in all_origins(hints.get(key, Any)):
            options[key] = tuple(value)
    forgotten = [
        name
        for name, parameter in known.items()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty and name not in options
    ]
    if forgotten and is_own(target):
        raise UserError(f"{where}.{forgotten[0]} has no value. Type {where}.{forgotten[0]}=… or put it into the YAML.")
    return Plan(where, target, options)


def parameters(target: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    known = inspect.signature(target).parameters
    return {name: p for name, p in known.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


def is_own(target: Callable[..., Any]) -> bool:
    return not (target.__module__ or "").startswith("torch.")


def is_measured(parameter: inspect.Parameter, target: Callable[..., Any]) -> bool:
    """Before the star; torch's own signatures have no star, so there only their first, `params`, is ours to fill."""
    if is_own(target):
        return parameter.kind is not parameter.KEYWORD_ONLY
    return parameter.name in ("params", "optimizer")


def annotations(target: Callable[..., Any]) -> dict[str, Any]:
    function = target.__init__ if inspect.isclass(target) else target  # type: ignore[misc]
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError):  # a foreign annotation that can't be read is not checked
        return {}


def all_origins(hint: Any) -> list[Any]:
    return [get_origin(hint) or hint, *(get_origin(inner) or inner for inner in get_args(hint))]


def misfit(value: Any, hint: Any) -> str:
    """Why a value does not fit a type, as the end of a sentence; "" when it does."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        problem = misfit(value, inner[0])
        ranges = [extra for extra in inner[1:] if isinstance(extra, Range)]
        return problem or "".join(f"it must be {r}" for r in ranges if not r.holds(value))
    if origin in (typing.Union, types.UnionType):
        problems = [misfit(value, each) for each in inner]
        return (
            "" if "" in problems else next(p for p, each in zip(problems, inner, strict=True) if each is not type(None))
        )
    if origin is Literal:
        return "" if value in inner else nearest(str(value), map(str, inner)).rstrip(".")
    if origin in (list, tuple, Sequence):
        if not isinstance(value, list | tuple):
            return "a list is expected, such as [1,2]"
        return next((problem for each in value if (problem := misfit(each, inner[0] if inner else Any))), "")
    if hint is type(None):
        return "" if value is None else "null is expected"
    if hint is bool:
        return "" if isinstance(value, bool) else "true or false is expected"
    if hint is int:
        return "" if isinstance(value, int) and not isinstance(value, bool) else "a whole number is expected"
    if hint is float:
        return "" if isinstance(value, int | float) and not isinstance(value, bool) else "a number is expected"
    if hint is str:
        return "" if isinstance(value, str) else "a word is expected"
    return ""


def shown(value: Any) -> str:
    return (
        {None: "null", True: "true", False: "false"}.get(value, str(value))
        if not isinstance(value, list)
        else str(value)
    )


# the whole: config -> a run's objects


@dataclass(frozen=True)
class Plans:
    """Every part checked, nothing loaded yet: mistakes are found before a download or a folder."""

    config: dict[str, Any]
    trusted: tuple[str, ...]
    data: Plan
    task: Plan
    model: Plan
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
    """Names, types and signs of everything in a composed config. `trusted` of a saved config is not believed: pass it."""
    unknown = [key for key in config if key not in (*GROUPS, *PLAIN_KEYS)]
    if unknown:
        raise UserError(f"There is no key {unknown[0]}. {nearest(unknown[0], (*GROUPS, *PLAIN_KEYS[:-1]))}")
    for key, hint in (("seed", int), ("batch_size", Positive), ("stand_in", Literal["auto", "never", "always"])):
        problem = misfit(config[key], hint)
        if problem:
            raise UserError(f"{key}={shown(config[key])}: {problem}.")
    allowed = tuple(config["trusted"] or ()) if trusted is None else tuple(trusted)
    plans = {
        group: plan_group(group, config[group], allowed) for group in ("data", "task", "model", "optim", "scheduler")
    }
    settings = plan("trainer", config["trainer"], Settings)()
    if settings.epochs is None and settings.max_steps is None:
        raise UserError("A run needs an end: type trainer.epochs=… or trainer.max_steps=…")
    device = plan("device", config["device"], devices.choose)()
    return Plans(config=config, trusted=allowed, settings=settings, device=device, **plans)


def plan_group(group: str, node: dict[str, Any], trusted: Sequence[str]) -> Plan:
    node = dict(node)
    if "_target_" not in node:
        raise UserError(f"{group} has no _target_: its YAML must name the class to build.")
    target = locate(node["_target_"], trusted)
    if group == "data":
        node = {key: value for key, value in node.items() if key not in DATA_FILE_KEYS}
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
    """The dataset and where it came from. `replaceable`: the user did not name it, so its stand-in may take its place."""
    node, mode = plans.config["data"], plans.config["stand_in"]
    name = node.get(
        "name", plans.config.get("choices", {}).get("data", plans.data.target.__module__.rpartition(".")[2])
    )
    if "files" not in node:
        return plans.data(), {"name": name, "source": "generated", "sha256": {}}
    module = importlib.import_module(plans.data.target.__module__)
    source = "upstream"
    if mode == "always":
        source = "stand-in"
    else:
        try:
            folder, digests = files.get(name, node["files"], progress=console.download())
        except DataError as error:
            if mode == "never" or not replaceable or not hasattr(module, "write_stand_in"):
                raise
            console.warn(f"{error}")
            source = "stand-in"
    if source == "stand-in":
        folder, digests = files.stand_in(name, module.STAND_IN_VERSION, module.write_stand_in)
        console.warn(
            f"THIS IS NOT {name.upper()}: a small made-up STAND-IN takes its place. "
            "Its scores say nothing about the real data. stand_in=never refuses it."
        )
    return plans.data(folder=folder), {"name": name, "source": source, "sha256": digests}


def build_parts(plans: Plans, *, replaceable: bool = False) -> Parts:
    """Data, task and model, on their device; weights drawn from `seed`."""
    data, facts = load_data(plans, replaceable=replaceable)
    task: Task = plans.task(data=data)
    missing = plans.model.missing(task.sizes)
    if missing:
        raise UserError(does_not_fit(plans, task, missing))
    devices.seed_everything(plans.config["seed"])
    model: nn.Module = plans.model(**task.sizes)
    model.to(plans.device.torch)
    task.to(plans.device.torch)
    return Parts(data, task, model, plans.device, facts)


def build_optim(plans: Plans, model: nn.Module, task: Task) -> tuple[Optimizer, Schedule]:
    optim: Optimizer = plans.optim(params=model.parameters())
    total = planned_steps(plans, task)
    node = plans.config["scheduler"]
    mode = task.goal.split()[0]
    inner = plans.scheduler(optimizer=optim, T_max=total, total_steps=total, total_iters=total, mode=mode)
    return optim, Schedule(optim, inner, every=node["every"], warmup=node["warmup"], total=total)


def planned_steps(plans: Plans, task: Task) -> int:
    """Updates of the whole run, for schedules that have an end."""
    settings = plans.settings
    batches = task.batches("train", plans.config["batch_size"], seed=plans.config["seed"], epoch=0)
    a_pass = min(len(batches), settings.overfit_batches or settings.limit_batches or len(batches))
    by_epochs = settings.epochs * -(-a_pass // settings.accumulate) if settings.epochs else None
    return max(1, min(end for end in (by_epochs, settings.max_steps) if end is not None))


def does_not_fit(plans: Plans, task: Task, missing: list[str]) -> str:
    data = plans.config.get("choices", {}).get("data", "the data")
    return (
        f"{plans.model.name} needs {' and '.join(missing)}; {data} offers {', '.join(sorted(task.sizes))}. "
        f"Pick another data= or model=. Models that fit {data}: {', '.join(models_that_fit(task.sizes)) or 'none'}."
    )


def models_that_fit(sizes: dict[str, int]) -> list[str]:
    """The models of conf/model whose required sizes are all offered."""
    return [name for name in catalogue.choices("model") if not needs_of(name) - sizes.keys()]


def needs_of(model: str) -> set[str]:
    """The sizes that a model of conf/model can't do without."""
    node = catalogue.read("model", model)
    return set(Plan("model", locate(node["_target_"]), node).required())


def offered_sizes(data: str, task: str) -> set[str]:
    """What a task makes of a dataset's sizes, seen on its stand-in; nothing where the two don't go together."""
    node = catalogue.read("data", data)
    made = plan_group("data", node, ())
    module = importlib.import_module(made.target.__module__)
    measured = {}
    if "files" in node:
        measured["folder"], _ = files.stand_in(node["name"], module.STAND_IN_VERSION, module.write_stand_in)
    try:
        built: Task = plan_group("task", catalogue.read("task", task), ())(data=made(**measured))
    except UserError:
        return set()
    return set(built.sizes)
