"""Every key that conf/ offers, with values that its declared type refuses, and what the message has to say."""

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from dlrun import device
from dlrun.config import bind, catalogue
from dlrun.config.settings import Settings
from dlrun.limits import OF_TORCH, Range

GROUPS = ("optim", "scheduler", "init", "data", "model", "task", "trainer", "device")
WHOLE, NUMBER, BITS = "a whole number is expected", "a number is expected", "a whole number of 64 bits is expected"
FINITE, BOOLEAN, WORD, LIST = "a finite number is expected", "true or false", "a word is expected", "a list is expected"
WRONG: dict[Any, dict[str, str]] = {
    int: {"abc": WHOLE, "1.5": WHOLE, "true": WHOLE, "nan": WHOLE, "''": WHOLE, "'1'": WHOLE, "1" + "0" * 30: BITS},
    float: {"abc": NUMBER, "true": NUMBER, "''": NUMBER, "nan": FINITE, "inf": FINITE, "-1e400": FINITE},
    bool: {"abc": BOOLEAN, "1": BOOLEAN, "0.0": BOOLEAN, "''": BOOLEAN, "'true'": BOOLEAN},
    str: {"5": WORD, "1.5": WORD, "true": WORD},
    list: {"5": LIST, "abc": LIST, "''": LIST, "true": LIST},
}
NOTHING = {"[[1]]": "", "{}": "", "{a:1}": ""}  # what no type takes


def choices() -> list[tuple[str, str]]:
    """All but those that have another one's keys."""
    same = [("trainer", "path"), ("device", "cpu"), ("device", "cuda"), ("device", "mps")]
    return [(group, name) for group in GROUPS for name in catalogue.choices(group) if (group, name) not in same]


def hints(group: str, node: dict[str, Any]) -> dict[str, Any]:
    """key -> its declared type, for the keys of one choice."""
    if group in ("trainer", "device"):
        target: Any = Settings if group == "trainer" else device.choose
    else:
        target = bind.locate(group, node["_target_"])
    known = bind.type_hints(target) | ({} if bind.is_own(target) else OF_TORCH)
    known |= {"every": Literal["step", "epoch", "evaluation"], "warmup": Annotated[int, Range(0)]}
    hidden = ("_target_", *catalogue.FILES)
    return {key: known[key] for key in node if key not in hidden and known.get(key, Any) is not Any}


def wrong(hint: Any) -> Iterator[tuple[str, str]]:
    """What is typed, and a part of what has to be said about it."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        yield from wrong(inner[0])
        for low in (each.low for each in inner[1:] if isinstance(each, Range) and each.low is not None):
            if low > -(2**63):
                yield str(low - 1), "it must be"
    elif origin in (Union, UnionType):
        takes_none = NoneType in inner
        first = next(each for each in inner if each is not NoneType)
        others = {get_origin(each) or each for each in inner} - {NoneType, get_origin(first) or first}
        accepted = {value for other in others for value, _ in wrong(first) if not bind.misfit(parsed(value), other)}
        yield from ((v, m) for v, m in wrong(first) if not (takes_none and v == "null") and v not in accepted)
    elif origin is Literal:
        yield from dict.fromkeys(("nosuch", "5", "null", "''", "[]", "{}"), "Possible: ").items()
    elif origin in (list, tuple):
        yield from (WRONG[list] | {"null": LIST, "{a:1}": LIST}).items()
        yield from ((f"[{value}]", "") for value, _ in wrong(inner[0]) if not value.startswith("["))
    elif hint in WRONG:
        kind = next(iter(WRONG[hint].values()))
        yield from (WRONG[hint] | dict.fromkeys((*NOTHING, "null", "[]"), kind)).items()


def parsed(value: str) -> Any:
    from dlrun.config import compose

    return compose.parse(f"x={value}").value()
