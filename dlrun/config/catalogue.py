"""What conf/ offers: its groups, their choices and each key's help, read from the YAML files themselves. No torch."""

import ast
import re
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from dlrun.config import renamed
from dlrun.errors import UserError

FILES = ("name", "files")  # of a dataset: where its files are, which is no option of its load()
BUILT = ("model", "data", "task", "optim", "scheduler", "init")  # each names a class
PARTS = (*BUILT, "device", "trainer")  # whose keys a run's config has
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # over ten times as fast, where libyaml is there
GROUPS = (*PARTS, "experiment", "sweep")  # all that can be chosen


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


def loaded(group: str, name: str) -> dict[str, Any]:
    """A YAML file as it stands."""
    return yaml.load(text(group, name), Loader=LOADER) or {}


def read(group: str, name: str) -> dict[str, Any]:
    """A group's own values in one YAML and those it builds on, said under `model:` or at the top."""
    content = loaded(group, name)
    values: dict[str, object] = {}
    for entry in content.pop("defaults", []):
        if isinstance(entry, str) and entry != "_self_":
            values |= read(group, entry)
    inner = content.get(group)
    return values | (inner if isinstance(inner, dict) else content)


@cache
def targets(group: str) -> frozenset[str]:
    """What the YAML files of a group name as their `_target_`: all of dlrun's that a config may build there."""
    found = (re.search(r"^ *_target_: *(\S+)", text(group, name), re.MULTILINE) for name in choices(group))
    return frozenset(each[1] for each in found if each)


def home(name: str, *, group: str = "model") -> dict[str, str]:
    """What a model's (or dataset's) YAML chooses with it: {"data": "ptb", "optim": "adam"}."""
    return dict(re.findall(r"^ *- override /(\w+): (\S+)", text(group, name), re.MULTILINE))


def home_model(data: str, task: str = "") -> str:
    """The model that data of the user's own is trained with when none is typed: `# home: mlp`, or of one task alone

    `# home classify_images: smallresnet`. "" for dlrun's own datasets.
    """
    found: dict[str, str] = dict(re.findall(r"^# home ?(\w*): (\w+)", text("data", data), re.MULTILINE))
    return found.get(task) or found.get("", "")


# what fits what, known without a file of data being read: a data's YAML says what it `# holds`, a task's what it
# `# takes` and which sizes it makes of that; a test compares them with those of every pair


def holds(data: str) -> set[str]:
    """`# holds: text, labelled texts`: what there is to ask of a dataset."""
    found = re.search(r"^# holds: (.+)$", text("data", data), re.MULTILINE)
    return set(found[1].split(", ")) if found else set()


def takes(task: str) -> dict[str, set[str]]:
    """`# takes text: vocab_size`: what a task asks of -> the sizes that it offers a model."""
    found = re.findall(r"^# takes (.+?): (.+)$", text("task", task), re.MULTILINE)
    return {what: set(sizes.split(", ")) for what, sizes in found}


def offers(data: str, task: str) -> set[str]:
    """The sizes that a task offers a model of a dataset; none where the two don't go together."""
    return set().union(*(sizes for what, sizes in takes(task).items() if what in holds(data)))


@cache
def needs(model: str) -> frozenset[str]:
    """The sizes that a model can't do without: what stands before the star of its constructor, read from the source."""
    found = re.search(r"^ *_target_: *dlrun\.(\S+)\.(\w+)", text("model", model), re.MULTILINE)
    if found is None:
        return frozenset()  # of torch's: nothing has to be measured
    known = constructor(found[1], found[2])
    before = [each.arg for each in known.args[1:]]
    return frozenset(before[: len(before) - len(known.defaults)])


def constructor(module: str, name: str) -> ast.arguments:
    """What a class of ours is built from: its own __init__ says it, or that of its first base. Nothing is imported."""
    code = files("dlrun").joinpath(f"{module.replace('.', '/')}.py").read_text(encoding="utf-8")
    tree = ast.parse(code).body
    found = next((each for each in tree if isinstance(each, ast.ClassDef) and each.name == name), None)
    if found is None:
        imports = (each for each in tree if isinstance(each, ast.ImportFrom))
        source = next(each.module for each in imports if name in {alias.name for alias in each.names})
        return constructor(str(source).removeprefix("dlrun."), name)
    for each in found.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return each.args
    return constructor(module, ast.unparse(found.bases[0]))


def fitting(sizes: set[str]) -> list[str]:
    """The models whose required sizes are all offered."""
    return [name for name in choices("model") if not needs(name) - sizes]


def dataset(target: object) -> dict[str, Any] | None:
    """The node of conf/data that names this function; None for what is no dataset of ours."""
    line = re.compile(rf"^  _target_: {re.escape(str(target))}\s", re.MULTILINE)
    return next((read("data", name) for name in choices("data") if line.search(text("data", name))), None)


def without_files(config: dict[str, object]) -> dict[str, object]:
    """A run's config without where the files of a dataset of ours are: that is no run's to say."""
    node = config.get("data")
    if not isinstance(node, dict) or (ours := dataset(node.get("_target_"))) is None:
        return config
    if changed := [key for key in FILES if key in node and node[key] != ours.get(key)]:
        raise UserError(
            f"data.{changed[0]} is dlrun's own to say for {node['_target_']}. For files of yours write a dataset: "
            "one Python file and one YAML, as CONTRIBUTING.md shows."
        )
    return config | {"data": {key: value for key, value in node.items() if key not in FILES}}


def fill_in(config: dict[str, Any]) -> list[str]:
    """Gives the config of an older run the keys that its choices have got since, with their values of today.

    Answers with those keys. A choice that is the user's own, or means another class today, is left as it is.
    Where the files of a dataset of ours are is not the run's to say: older ones did, and it is taken out.
    """
    renamed.renew(config)
    taken = []
    for entry in yaml.load(text("", "config"), Loader=LOADER)["defaults"]:
        group, first = next(iter(entry.items())) if isinstance(entry, dict) else (entry, None)
        if group not in GROUPS or first is None:
            continue
        if group not in config:
            config[group], config["choices"][group] = read(group, first), first
            taken.append(group)
        name = config["choices"].get(group)
        today = read(group, name) if name in choices(group) else {}
        if today.get("_target_") == config[group].get("_target_"):
            # What refers to another key has to be composed: it stays away, and the run says what it lacks.
            known = {key: value for key, value in today.items() if group != "data" or key not in FILES}
            later = {key: value for key, value in known.items() if key not in config[group] and "${" not in str(value)}
            config[group] |= later
            taken += [f"{group}.{key}" for key in later]
    if dataset(config["data"].get("_target_")):
        config["data"] = {key: value for key, value in config["data"].items() if key not in FILES}
    return taken


def key_help(group: str, name: str) -> dict[str, tuple[str, str]]:
    """key -> (value, help) from the trailing comments of a YAML file; `launcher.workers` for a key below another."""
    found, above = {}, ""
    for line in text(group, name).splitlines():
        if match := re.match(r"(  )?([a-z_]+):(?: +(\S.*?))? +# *(.+)$", line):
            above = above if match[1] else match[2]
            if match[3] is not None:
                found[f"{above}.{match[2]}" if match[1] else match[2]] = (match[3], match[4])
    return found
