"""Hydra's errors in our words: which key or choice there is not, and which was meant."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from dlrun import catalogue, renamed, typed
from dlrun.errors import UserError, nearest


@contextlib.contextmanager
def own_words(argv: list[str]) -> Iterator[None]:
    try:
        yield
    except MissingConfigException as error:
        raise UserError(missing_config(error)) from error
    except OverrideParseException as error:
        raise UserError(f"{error.override} can't be read: {first_line(error.message)}") from error
    except RecursionError as error:
        raise UserError("The defaults of a YAML file lead back to itself, or a value nests too deep.") from error
    except (ConfigCompositionException, HydraException, OmegaConfBaseException) as error:
        raise UserError(composition(error, argv)) from error


def missing_config(error: MissingConfigException) -> str:
    """A choice that does not exist: `model=lsmt`."""
    missing = error.missing_cfg_file or ""
    group = next((each for each in catalogue.GROUPS if missing.startswith(f"{each}/")), missing.rpartition("/")[0])
    name = missing.removeprefix(f"{group}/")
    if not group:
        return first_line(str(error))
    possible = [option for option in error.options or [] if not option.startswith("_")]
    return f"There is no {group} {name}. {nearest(name, possible)}"


def composition(error: Exception, argv: list[str]) -> str:
    """A key or a group that does not exist, and everything else that Hydra refuses."""
    text = str(error)
    cause = str(error.__cause__ or "")
    if found := re.search(r"Could not override '([^']+)'", text):
        return unknown_key(found[1], argv)
    if found := re.search(r"In '[^']*': Could not find '([^']+)'", text):
        return unknown_key(found[1], argv)
    if found := re.search(r"Could not append to config\. An item is already at '([^']+)'", text):
        return f"{found[1]} exists already; type {found[1]}=… without the +."
    if found := re.search(r"Sweep parameters '([^']+)' requires", text):
        return f"{found[1]} has several values. For a sweep over them add -m."
    if found := re.search(r"Ambiguous value for argument '([^']+)'", text):
        key, _, value = found[1].partition("=")
        return f"{found[1]} has several values. For a sweep over them add -m; for one list type '{key}=[{value}]'."
    detail = first_line(cause) if cause and "full_key" in cause else ""
    if found := re.search(r"full_key: (\S+)", text):
        text = f"{found[1]}: {text}"
    return " ".join(part for part in (first_line(text), detail) if part)


def unknown_key(key: str, argv: list[str]) -> str:
    """Names the keys that there are where the unknown one was looked for, or where else one of its name is."""
    if said := renamed.new_name(key):
        return said
    config: Any = plain_config(argv)
    node, place = config, "There is no key"
    path, _, name = key.rpartition(".")
    walked: list[str] = []
    for step in filter(None, path.split(".")):
        if step not in node:
            return f"There is no key {key}: there is no {step}. {nearest(step, shown_keys(node))}"
        node = node[step]
        walked.append(step)
        if not isinstance(node, dict):
            return f"There is no key {key}: {'.'.join(walked)} is one value. Type {'.'.join(walked)}=…"
        place = f"{path} has no key"
    if name in node:  # its value is at fault: `model={a:1}` where a whole group is meant
        return (
            f"{key} is a group of keys. Type one of them: {', '.join(f'{key}.{each}' for each in list(node[name])[:5])}"
        )
    near = nearest(name, shown_keys(node))
    places = {} if name in ("files", "name") else typed.where(name)
    places.pop(key, None)  # of other choices
    return f"{place} {name}. {near if near.startswith('Did') or not places else typed.such(places)}"


def shown_keys(node: dict[str, Any]) -> list[str]:
    return [each for each in node if each not in ("_target_", "files", "choices", "hydra")]


def plain_config(argv: list[str]) -> dict[str, Any]:
    """The config without the overrides of single values: what the choices alone make of it."""
    parser = OverridesParser.create()
    chosen = []
    directory = get_args_parser().parse_known_args(argv)[0].config_dir
    for argument in argv:
        with contextlib.suppress(HydraException):
            parsed = parser.parse_override(argument)
            if "." not in parsed.key_or_group and not parsed.is_sweep_override() and "-" not in argument[:1]:
                chosen.append(argument)
    GlobalHydra.instance().clear()
    search = [f"hydra.searchpath=[file://{Path(directory).absolute()}]"] if directory else []
    with hydra.initialize_config_module(config_module="dlrun.conf", version_base="1.3"):
        for attempt in (chosen, [each for each in chosen if not each.startswith(("+", "~"))], []):
            try:
                composed = hydra.compose("config", overrides=[*search, *attempt], return_hydra_config=True)
                return dict(OmegaConf.to_container(composed, resolve=False))  # type: ignore[arg-type]
            except (HydraException, OmegaConfBaseException):
                continue
    return {}


def first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip() and "HYDRA_FULL_ERROR" not in line]
    return lines[0] if lines else ""
