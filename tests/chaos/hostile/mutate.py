"""What a stranger does to a run's folder before he sends it: each function gives a mutation of (folder, world)."""

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from chaos.hostile.world import World

Mutation = Callable[[Path, World], Any]


@dataclass(frozen=True)
class Case:
    """One hostile folder, and the calls that open it: the most dangerous one first."""

    name: str
    mutate: Mutation
    verbs: Sequence[str]


def filled(value: Any, world: World) -> Any:
    """@CANARY@, @HOME@, @CWD@, @DATA@ in every text, also deep inside."""
    if isinstance(value, str):
        for name in ("canary", "home", "cwd", "data"):
            value = value.replace(f"@{name.upper()}@", str(getattr(world, name)))
        return value
    if isinstance(value, dict):
        return {filled(key, world): filled(inner, world) for key, inner in value.items()}
    return [filled(inner, world) for inner in value] if isinstance(value, list) else value


def put(node: Any, path: str, value: Any) -> None:
    """put(config, "optim.lr", 1); a value of `...` takes the key away."""
    *above, name = path.split(".")
    for step in above:
        inner = node.get(step) or {}
        node[step] = inner
        node = inner
    if value is ...:
        node.pop(name, None)
    else:
        node[name] = value


def both(*mutations: Mutation) -> Mutation:
    def mutate(folder: Path, world: World) -> None:
        for each in mutations:
            each(folder, world)

    return mutate


def config(changes: dict[str, Any], sort: bool = False) -> Mutation:
    def mutate(folder: Path, world: World) -> None:
        kept = yaml.safe_load((folder / "config.yaml").read_text())
        for path, value in changes.items():
            put(kept, path, filled(value, world))
        (folder / "config.yaml").write_text(yaml.safe_dump(kept, sort_keys=sort, allow_unicode=True))

    return mutate


def as_json(name: str, changes: dict[str, Any]) -> Mutation:
    """Changes keys of summary.json, sweep.json or leaderboard.json."""

    def mutate(folder: Path, world: World) -> None:
        kept = json.loads((folder / name).read_text())
        for path, value in changes.items():
            put(kept, path, filled(value, world))
        (folder / name).write_text(json.dumps(kept))

    return mutate


def summary(changes: dict[str, Any]) -> Mutation:
    return as_json("summary.json", changes)


def jobs(change: Callable[[dict[str, Any]], Any]) -> Mutation:
    """Changes each line of jobs.jsonl; `change` may answer another object to be written instead."""

    def mutate(folder: Path, world: World) -> None:
        lines = [json.loads(line) for line in (folder / "jobs.jsonl").read_text().splitlines()]
        changed = [filled(change(job) or job, world) for job in lines]
        (folder / "jobs.jsonl").write_text("".join(json.dumps(job) + "\n" for job in changed))

    return mutate


def text(name: str, content: str | bytes) -> Mutation:
    """The file holds just this."""

    def mutate(folder: Path, world: World) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else filled(content, world).encode())

    return mutate


def added(name: str, content: str | bytes) -> Mutation:
    """Behind what is there already."""

    def mutate(folder: Path, world: World) -> None:
        with open(folder / name, "ab") as file:
            file.write(content if isinstance(content, bytes) else filled(content, world).encode())

    return mutate


def gone(*names: str) -> Mutation:
    def mutate(folder: Path, _: World) -> None:
        for name in names:
            for path in folder.glob(name):
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    return mutate


def cleared(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def link(name: str, target: str) -> Mutation:
    """`name` is a link; a name with * is each that there is."""

    def mutate(folder: Path, world: World) -> None:
        for path in sorted(folder.glob(name)) if "*" in name else [folder / name]:
            cleared(path)
            path.parent.mkdir(exist_ok=True)
            path.symlink_to(filled(target, world))

    return mutate


def fifo(name: str) -> Mutation:
    def mutate(folder: Path, _: World) -> None:
        cleared(folder / name)
        os.mkfifo(folder / name)

    return mutate


def huge(name: str, size: int = 100 << 30) -> Mutation:
    """A hole of that many bytes, which takes no room on the disk."""

    def mutate(folder: Path, _: World) -> None:
        cleared(folder / name)
        with open(folder / name, "wb") as file:
            file.truncate(size)

    return mutate


def instead(name: str) -> Mutation:
    """A folder in a file's place."""

    def mutate(folder: Path, _: World) -> None:
        cleared(folder / name)
        (folder / name).mkdir()

    return mutate
