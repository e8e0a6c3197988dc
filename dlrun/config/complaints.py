"""Hydra's errors in our words: which key or choice there is not, and which was meant."""

import re
from collections.abc import Callable, Sequence

from dlrun.config import catalogue, renamed, typed
from dlrun.errors import nearest


def missing_config(missing: str, options: Sequence[str]) -> str:
    """A choice that does not exist: `model=lsmt`; "" where something else is missing."""
    group = next((each for each in catalogue.GROUPS if missing.startswith(f"{each}/")), missing.rpartition("/")[0])
    name = missing.removeprefix(f"{group}/")
    if said := renamed.new_choice(group, name):
        return said
    possible = [option for option in options if not option.startswith("_")]
    return typed.no_choice(group, name, possible) if group else ""


def several(text: str, *, simple: bool) -> str:
    """Values of a sweep where one is wanted; `simple` ones could be meant as a list."""
    key, _, value = text.partition("=")
    hint = f"; for one list type '{key}=[{value}]'" if simple else ""
    return f"{text} has several values. For a sweep over them add -m{hint}."


def composition(error: Exception, known: Callable[[], dict[str, object]]) -> str:
    """A key or a group that does not exist, and everything else that Hydra refuses. `known`: the keys there are."""
    text = str(error)
    cause = str(error.__cause__ or "")
    if found := re.search(r"Could not override '([^']+)'|In '[^']*': Could not find '([^']+)'", text):
        return unknown_key(found[1] or found[2], known())
    if found := re.search(r"Could not append to config\. An item is already at '([^']+)'", text):
        return f"{found[1]} exists already; type {found[1]}=… without the +."
    detail = first_line(cause) if cause and "full_key" in cause else ""
    if found := re.search(r"full_key: (\S+)", text):
        text = f"{found[1]}: {text}"
    return " ".join(part for part in (first_line(text), detail) if part)


def unknown_key(key: str, known: dict[str, object]) -> str:
    """Names the keys that there are where the unknown one was looked for, or where else one of its name is."""
    if said := renamed.new_name(key):
        return said
    node = known
    place = "There is no key"
    path, _, name = key.rpartition(".")
    walked: list[str] = []
    for step in filter(None, path.split(".")):
        if step not in node:
            return f"There is no key {key}: there is no {step}. {nearest(step, shown_keys(node))}"
        inner = node[step]
        walked.append(step)
        if not isinstance(inner, dict):
            return f"There is no key {key}: {'.'.join(walked)} is one value. Type {'.'.join(walked)}=…"
        node = inner
        place = f"{path} has no key"
    if isinstance(group := node.get(name), dict):  # its value is at fault: `model={a:1}` where a group is meant
        return f"{key} is a group of keys. Type one of them: {', '.join(f'{key}.{each}' for each in list(group)[:5])}"
    near = nearest(name, shown_keys(node))
    places = {} if name in ("files", "name") else typed.where(name)
    places.pop(key, None)  # of other choices
    return f"{place} {name}. {near if near.startswith('Did') or not places else typed.such(places)}"


def shown_keys(node: dict[str, object]) -> list[str]:
    return [each for each in node if each not in ("_target_", "files", "choices", "hydra")]


def first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and "HYDRA_FULL_ERROR" not in line]
    return lines[0] if lines else ""
