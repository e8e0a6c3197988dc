"""One part: a name and YAML's values -> a checked spec -> an object. The star rule lives here.

What stands before a constructor's `*` is measured (from the data, filled in by name), what stands after it is chosen in
YAML. Every mismatch of names and types is one line for the user.
"""

import importlib
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Any, Generic, Literal, TypeVar, get_args, get_origin

from dlrun.config import catalogue, trust
from dlrun.config.trust import NOT_YOURS
from dlrun.errors import UserError, nearest
from dlrun.limits import OF_TORCH, Range

Built = TypeVar("Built", covariant=True)

# What of torch's may be named in a group's YAML: a module's public classes of one kind.
TORCH = {
    "model": ("torch.nn", "Module"),
    "optim": ("torch.optim", "Optimizer"),
    "scheduler": ("torch.optim.lr_scheduler", "LRScheduler"),
}

NUMBER = re.compile(
    r"[+-]?(\d[\d_]*\.?\d*|\.\d+)([eE][+-]?\d+)?|true|false|null|nan|[+-]?inf", re.IGNORECASE | re.ASCII
)


def locate(group: str, target: object, trusted: Sequence[str] = (), typed: str = "trusted=[{}]") -> Callable[..., Any]:
    """The class or function named by a group's `_target_`: what conf/ offers there, torch's public classes of its kind,
    or what a trusted package defines. Nothing else is even imported: a config is data, not code.

    `typed` is how a package is trusted where the user stands: `trusted=[{}]`, or `--trust {}`.
    """
    where = f"{group}._target_"
    if not isinstance(target, str) or not all(part.isidentifier() for part in target.split(".")):
        raise UserError(f"{where}={shown(target)}: the name of a class is expected, such as my_package.Mine.")
    module_name, _, name = target.rpartition(".")
    if target in catalogue.targets(group):
        found: Callable[..., object] = getattr(importlib.import_module(module_name), name)
        return found
    if group in TORCH and module_name == TORCH[group][0]:
        return of_torch(where, group, name)
    package = next((each for each in trusted if f"{target}.".startswith(f"{each}.") and target != each), None)
    if package is None:
        own = target.split(".")[0]
        if own in NOT_YOURS | sys.stdlib_module_names:
            names = sorted(each.rpartition(".")[2] for each in catalogue.targets(group))
            raise UserError(f"{where}={target} is not trusted: it is none of dlrun's. {nearest(name, names)}")
        raise UserError(f"{where}={target} is not trusted. If {own} is yours: {typed.format(own)}.")
    return of_package(where, package, module_name, name)


def of_torch(where: str, group: str, name: str) -> Callable[..., object]:
    module_name, kind = TORCH[group]
    module = importlib.import_module(module_name)
    base = getattr(module, kind)
    possible = {
        each: value
        for each, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, base) and value is not base and not each.startswith("_")
    }
    if name not in possible:
        raise UserError(f"{where}={module_name}.{name}: {module_name} has no such {kind}. {nearest(name, possible)}")
    return possible[name]


def of_package(where: str, package: str, module_name: str, name: str) -> Callable[..., object]:
    """What a trusted package defines itself: what it only imports, such as `os`, stays out of reach."""
    target = f"{module_name}.{name}"
    trust.findable([package])
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if not f"{module_name}.".startswith(f"{error.name}."):  # an import of the package's own that fails
            raise
        looked = f" Looked among what is installed, and in {', '.join(trust.folders())}."
        hint = "" if trust.is_there(package) else looked
        raise UserError(f"{where}={target}: there is no module {error.name}.{hint}") from error
    found: object = getattr(module, name, None)
    if not callable(found):
        raise UserError(f"{where}={target}: {module_name} has no {name}. {nearest(name, public_names(module))}")
    defined = getattr(found, "__module__", None) or ""
    if not f"{defined}.".startswith(f"{package}."):
        raise UserError(f"{where}={target} is defined in {defined}, which is not trusted.")
    return found


def public_names(module: types.ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if inspect.isclass(value) and not name.startswith("_")]


@dataclass(frozen=True)
class Spec(Generic[Built]):
    """A part that was checked and can be built: `spec(**measured)`."""

    where: str  # the group, for messages: "model"
    target: Callable[..., Built]
    options: dict[str, object]

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

    def missing(self, measured: Iterable[str]) -> list[str]:
        return [name for name in self.required() if name not in measured]

    def __call__(self, **measured: object) -> Built:
        """Builds it; of `measured` it takes what it has a name for and YAML does not give."""
        known = parameters(self.target)
        fills = {name: value for name, value in measured.items() if name in known and name not in self.options}
        try:
            return self.target(**fills, **self.options)
        except (ValueError, TypeError, RuntimeError, ArithmeticError) as error:
            if is_own(self.target) and not (isinstance(error, ValueError) and raised_by_torch(error)):
                raise  # a bug: only torch's parts check their values in so many ways
            raise UserError(f"{self.where}: {self.name} refuses its options: {error}") from error


def make_spec(where: str, node: dict[str, object], target: Callable[..., Built]) -> Spec[Built]:
    """Checks the names and types of YAML's values against the target's signature."""
    known, hints = parameters(target), type_hints(target) | ({} if is_own(target) else OF_TORCH)
    options = {key: value for key, value in node.items() if key != "_target_"}
    measured = {name for name, parameter in known.items() if is_measured(parameter, target)}
    for key, value in options.items():
        if key not in known or key in measured:
            possible = [name for name in known if name not in measured]
            raise UserError(f"{where}.{key} is not an option of {target.__name__}. {nearest(key, possible)}")
        problem = misfit(value, hints.get(key, object))
        if problem:
            raise UserError(f"{where}.{key}={shown(value)}: {problem}.")
        if isinstance(value, list) and tuple in all_origins(hints.get(key, object)):
            options[key] = tuple(value)
    forgotten = [
        name
        for name, parameter in known.items()
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty and name not in options
    ]
    if forgotten and is_own(target):
        raise UserError(f"{where}.{forgotten[0]} has no value. Type {where}.{forgotten[0]}=… or say it in the YAML.")
    return Spec(where, target, options)


def parameters(target: Callable[..., object]) -> dict[str, inspect.Parameter]:
    known = inspect.signature(target).parameters
    return {name: p for name, p in known.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


def is_own(target: Callable[..., object]) -> bool:
    return not (target.__module__ or "").startswith("torch.")


def raised_by_torch(error: BaseException) -> bool:
    """By a part of torch that an own class is made of, such as a dropout of 1.5."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__", "")).startswith("torch.")


def is_measured(parameter: inspect.Parameter, target: Callable[..., object]) -> bool:
    """Before the star; torch's own signatures have no star, so there only their first, `params`, is ours to fill."""
    if is_own(target):
        return parameter.kind is not parameter.KEYWORD_ONLY
    return parameter.name in ("params", "optimizer")


def type_hints(target: Callable[..., object]) -> dict[str, object]:
    function = target.__init__ if inspect.isclass(target) else target
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError):  # a foreign annotation that can't be read is not checked
        return {}


def all_origins(hint: object) -> list[object]:
    return [get_origin(hint) or hint, *(get_origin(inner) or inner for inner in get_args(hint))]


def misfit(value: object, hint: object) -> str:
    """Why a value does not fit a type, as the end of a sentence; "" when it does."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        problem = misfit(value, inner[0])
        ranges = [extra for extra in inner[1:] if isinstance(extra, Range)]
        return problem or "".join(
            f"it must be {r}" for r in ranges if isinstance(value, int | float) and not r.holds(value)
        )
    if origin in (typing.Union, types.UnionType):
        problems = [misfit(value, each) for each in inner]
        return (
            "" if "" in problems else next(p for p, each in zip(problems, inner, strict=True) if each is not type(None))
        )
    if origin is Literal:
        fits = isinstance(value, str | int) and value in inner
        return "" if fits else nearest(str(value), map(str, inner)).rstrip(".")
    if origin in (list, tuple, Sequence):
        return list_misfit(value, origin, inner)
    return plain_misfit(value, hint)


def list_misfit(value: object, origin: object, inner: tuple[object, ...]) -> str:
    if not isinstance(value, list | tuple):
        return f"a list is expected, such as [{value if isinstance(value, str) and value.isidentifier() else '1,2'}]"
    if origin is tuple and Ellipsis not in inner:
        if len(value) != len(inner):
            return f"a list of {len(inner)} is expected"
        pairs = zip(value, inner, strict=True)
    else:
        pairs = zip(value, [inner[0] if inner else object] * len(value), strict=True)
    return next((problem for each, hint in pairs if (problem := misfit(each, hint))), "")


def plain_misfit(value: object, hint: object) -> str:
    if hint is type(None):
        return "" if value is None else "null is expected"
    if hint is bool:
        return "" if isinstance(value, bool) else "true or false is expected"
    if hint is int:
        if not isinstance(value, int) or isinstance(value, bool):
            return "a whole number is expected"
        return "" if -(2**63) <= value < 2**63 else "a whole number of 64 bits is expected"
    if hint is float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return "a number is expected"
        return "" if abs(value) <= sys.float_info.max else "a finite number is expected"  # nan is not below it either
    if hint is str:
        return "" if isinstance(value, str) else "a word is expected"
    if isinstance(hint, type) and hint not in (object, Any):  # a tensor, a function: nothing that can be typed
        return "" if isinstance(value, hint) else f"{hint.__name__} is expected"
    return ""


def shown(value: object) -> str:
    """A value as it is typed on the command line: a word that looks like a number in quotes."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(map(shown, value))}]"
    if isinstance(value, str) and NUMBER.fullmatch(value):
        return f"'{value}'"
    return str(value)


def check_folder(value: object) -> None:
    """UserError for what can't be the name of a run's or sweep's folder."""
    if problem := misfit(value, str | int):
        raise UserError(f"folder={shown(value)}: {problem}.")
    if PurePath(str(value)).name in ("", "..") or "\0" in str(value):
        raise UserError(f"folder={shown(value)} names no folder of its own. For example: folder=outputs/first")
