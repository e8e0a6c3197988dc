"""Text from a kept file -> plain values, and those -> a typed record; ValueError where one is wrong. No torch."""

import json
import re
from typing import TypeVar

import yaml

T = TypeVar("T")

DEEPEST = 64  # brackets within brackets: Python's own readers end in a RecursionError at a thousand
TOO_LARGE = "it has a whole number of more than 64 bits"
LARGEST = 2**64  # a whole number beyond it is nothing that dlrun writes, and overflows whatever computes with it


def json_value(raw: bytes) -> object:
    """ValueError for what is no JSON, or nests too deep. NaN and Infinity are numbers here: metrics can be."""
    if raw.count(b"[") + raw.count(b"{") > DEEPEST and too_deep(raw):
        raise ValueError(f"it nests deeper than {DEEPEST} levels")
    try:
        return JSON.decode(raw.decode())
    except RecursionError as error:
        raise ValueError("it nests too deep") from error


def too_deep(raw: bytes) -> bool:
    """Counts brackets in strings as well, which errs on the safe side by a few."""
    depth = 0
    for bracket in re.findall(rb"[\[\]{}]", raw):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEEPEST:
            return True
    return False


def yaml_value(raw: bytes) -> object:
    """ValueError for aliases, whose value may be a billion laughs, for tags, and for nests too deep."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    for event in yaml.parse(raw, Loader=loader):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(f"it has an alias (*{event.anchor}), which no file of dlrun's has")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise ValueError(f"it nests deeper than {DEEPEST} levels")
    try:
        value = yaml.load(raw, Loader=loader)
    except yaml.YAMLError:
        raise
    except Exception as error:  # of a key that can't be one, of `!!bool x`: its readers complain in many ways
        raise ValueError(f"it is no plain YAML: {error}") from error
    plain(value)
    return value


def whole(digits: str) -> int:
    if len(digits) > 21 or not -LARGEST < (number := int(digits)) < LARGEST:
        raise ValueError(TOO_LARGE)
    return number


JSON = json.JSONDecoder(parse_int=whole)  # a look at each value afterwards would take longer than all the rest


def record(value: object, kind: type[T]) -> T:
    """`value` checked against a typed record, such as a TypedDict; keys that it does not name are kept beside."""
    import msgspec

    try:
        made = msgspec.convert(value, kind)
    except (msgspec.ValidationError, OverflowError, RecursionError) as error:
        raise ValueError(said(str(error))) from error
    return {**value, **made} if isinstance(made, dict) and isinstance(value, dict) else made  # type: ignore[return-value]


def said(text: str) -> str:
    """msgspec's "Expected `object`, got `null` - at `$.choices`" -> "choices: expected object, got null"."""
    text, _, where = text.replace("`", "").partition(" - at ")
    where = where.removeprefix("key in ").removeprefix("$").removeprefix(".").replace("[...]", "")
    return f"{where}: {text[:1].lower()}{text[1:]}" if where else text


def plain(value: object) -> None:
    """ValueError where something is no word, number, list or mapping of words; dates, bytes and sets are none."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ValueError(f"the key {str(key)[:40]} is no word")
            plain(inner)
    elif isinstance(value, list):
        for inner in value:
            plain(inner)
    elif isinstance(value, int) and not -LARGEST < value < LARGEST:
        raise ValueError(TOO_LARGE)
    elif value is not None and not isinstance(value, str | int | float | bool):
        raise ValueError(f"{str(value)[:40]} is no plain value")
