"""What conf/ offers: its groups, their choices and each key's help, read from the YAML files themselves. No torch."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

GROUPS = ("model", "data", "task", "optim", "scheduler", "device", "trainer", "experiment")


def choices(group: str) -> list[str]:
    """Names of a group's YAML files."""
    folder = files("dlrun.conf") / group
    if not folder.is_dir():
        return []
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


@cache
def text(group: str, name: str) -> str:
    path = files("dlrun.conf") / group / f"{name}.yaml" if group else files("dlrun.conf") / f"{name}.yaml"
    return path.read_text(encoding="utf-8")


def read(group: str, name: str) -> dict[str, Any]:
    """A group's own values in one YAML and those it builds on, said under `model:` or at the top."""
    content = yaml.safe_load(text(group, name)) or {}
    values: dict[str, Any] = {}
    for entry in content.pop("defaults", []):
        if isinstance(entry, str) and entry != "_self_":
            values |= read(group, entry)
    inner = content.get(group)
    return values | (inner if isinstance(inner, dict) else content)


def home(name: str, *, group: str = "model") -> dict[str, str]:
    """What a model's (or dataset's) YAML chooses with it: {"data": "ptb", "optim": "adam"}."""
    content = yaml.safe_load(text(group, name)) or {}
    chosen = {}
    for entry in content.get("defaults", []):
        if isinstance(entry, dict):
            key, value = next(iter(entry.items()))
            if key.startswith("override /"):
                chosen[key.removeprefix("override /")] = value
    return chosen


def key_help(group: str, name: str) -> dict[str, tuple[str, str]]:
    """key -> (value, help) from the trailing comments of a flat YAML file."""
    found = {}
    for line in text(group, name).splitlines():
        if match := re.match(r"([a-z_]+): *(.*?) +# *(.+)$", line):
            found[match[1]] = (match[2], match[3])
    return found
