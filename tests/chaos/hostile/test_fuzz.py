"""Kept files with anything in them: hypothesis draws it, and prints what fails so that it can be replayed."""

import json
import os
from typing import Any

import pytest
import yaml
from chaos.hostile.mutate import text
from chaos.hostile.world import World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FULL = os.environ.get("DLRUN_CHAOS") == "full"
FUZZ = settings(max_examples=150 if FULL else 6, deadline=None, database=None, suppress_health_check=list(HealthCheck))
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANY = st.recursive(
    LEAF, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
)
FILES = {
    "summary.json": ("runs", "compare", "eval", "resume", "prune"),
    "config.yaml": ("eval", "runs_where", "compare", "resume", "prune"),
    "metrics.jsonl": ("resume",),
    "sweep.json": ("resume_sweep", "extend"),
    "jobs.jsonl": ("resume_sweep", "runs_sweep"),
    "leaderboard.json": ("resume_sweep",),
}


def changed(known: Any, drawn: list[tuple[int, Any]]) -> Any:
    """Some of what a real file says, put otherwise: random JSON alone never gets past the first check."""
    if not isinstance(known, dict) or not known:
        return known
    for number, value in drawn:
        node = known
        path = [key for key in known if isinstance(key, str)]
        key = path[number % len(path)]
        inner = node[key]
        if isinstance(inner, dict) and inner and number % 2:
            node, key = inner, list(inner)[number // 2 % len(inner)]
        node[key] = value
    return known


@pytest.mark.parametrize("name", FILES)
@given(drawn=st.lists(st.tuples(st.integers(0, 999), ANY), min_size=1, max_size=3), whole=ANY, which=st.integers(0, 3))
@FUZZ
def test_any_json_or_yaml(world: World, name: str, drawn: list, whole: Any, which: int) -> None:
    verbs = FILES[name]
    base = "sweep" if "sweep" in verbs[0] else "run"
    kept = (world.bases / base / name).read_text()
    lines = kept.splitlines() if name.endswith("jsonl") else [kept]
    known = [yaml.safe_load(line) if name.endswith("yaml") else json.loads(line) for line in lines]
    said = whole if which == 0 else changed(known[0], drawn)
    dump = yaml.safe_dump if name.endswith("yaml") else json.dumps
    try:
        content = "\n".join([dump(said), *lines[1:]]) + "\n"
        made = text(name, content.encode("utf-8", "surrogatepass"))
    except (yaml.YAMLError, ValueError):
        return  # nothing that YAML can write
    problems = [problem for verb in verbs for problem in world.attack(verb, made)]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", [*FILES, "checkpoints/last.pt", "checkpoints/best.pt"])
@given(content=st.binary(max_size=200), at=st.integers(0, 10**6), front=st.booleans())
@FUZZ
def test_any_bytes(world: World, name: str, content: bytes, at: int, front: bool) -> None:
    """Alone, or in the midst of what a real file has."""
    verbs = FILES.get(name, ("resume", "eval", "eval_last"))
    base = "sweep" if "sweep" in verbs[0] else "run"
    kept = (world.bases / base / name).read_bytes()
    place = at % len(kept)
    made = text(name, content if front else kept[:place] + content + kept[place + len(content) :])
    problems = [problem for verb in verbs for problem in world.attack(verb, made)]
    assert not problems, "\n".join(problems)
