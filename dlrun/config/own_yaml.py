"""A YAML file of the user's own, looked at before Hydra reads it: what is wrong becomes one message with the line."""

from pathlib import Path
from typing import Any

import yaml

from dlrun.errors import UserError

LARGEST = 1_000_000  # bytes
MOST_VALUES = 100_000  # with every alias written out
WORD = "tag:yaml.org,2002:str"


def guard(source: Any) -> None:
    """From now on this source of Hydra's configs checks each file of the user's before it reads it."""
    load = source.load_config

    def load_config(config_path: str) -> object:
        path = Path(source.path) / source._normalize_file_name(config_path)
        if path.is_file():
            check(path)
        return load(config_path)

    if source.scheme() == "file":
        source.load_config = load_config


def check(path: Path) -> None:
    """UserError for what can't be a config."""
    if path.stat().st_size > LARGEST:
        raise UserError(f"{path} is larger than a config can be, {LARGEST:,} bytes.")
    try:
        text = path.read_text(encoding="utf-8")
        size = values(yaml.compose(text, Loader=yaml.SafeLoader), {})
        content = yaml.safe_load(text) if size <= MOST_VALUES else None
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{path}{line}: {error.problem}.") from error
    except RecursionError as error:
        raise UserError(f"{path} nests too deep, or an alias in it holds itself.") from error
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise UserError(f"{path}: {str(error).splitlines()[0]}.") from error
    if size > MOST_VALUES:
        raise UserError(f"{path} has more than {MOST_VALUES:,} values once its aliases are written out.")
    if content is None:
        return
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no keys: KEY: VALUE is expected in each line.")
    if odd := [key for key in content if not isinstance(key, str)]:
        raise UserError(f"{path}: a key has to be a word, and {odd[0]} is none.")
    if not isinstance(content.get("defaults", []), list):
        raise UserError(f"{path}: defaults is a list, such as [override /data: ptb].")


def values(node: object, known: dict[int, int]) -> int:
    """How many values a node stands for; RecursionError where it holds itself, MarkedYAMLError for a key twice."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) not in known:
        known[id(node)] = -1
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.tag == WORD and key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"found duplicate key {key.value}", problem_mark=key.start_mark)
            seen |= {key.value} if key.tag == WORD else set()
        inner = [each for entry in node.value for each in (entry if isinstance(entry, tuple) else [entry])]
        known[id(node)] = 1 + sum(values(each, known) for each in inner)
    if known[id(node)] < 0:
        raise RecursionError
    return known[id(node)]
