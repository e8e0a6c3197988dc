"""Runs as rows: a key is found without parsing YAML, values are compared as they were typed, the best come first."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlrun.errors import UserError
from dlrun.run import query
from dlrun.run.query import ABSENT, Condition, Row, flat

CONFIG = """\
seed: 3
model:
  _target_: dlrun.model.mlp.MLP
  hidden:
  - 64
  - 32
  options:
    lr: 5.0
  lr: 1.0e-05
optim:
  betas:
  - 0.9
  - 0.999
  lr: 0.003
  name: '3'
  text: "lr: 9"
  clip: null
data: {lr: 7}
lr: true
"""


@pytest.mark.parametrize("key", sorted(flat(yaml.safe_load(CONFIG))) + ["options.lr", "optim.hidden", "optim", "lrr"])
def test_a_key_found_without_yaml_is_the_one_that_yaml_finds(key: str, tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    parsed = yaml.safe_load(CONFIG)
    found = Row(str(tmp_path), {}, "completed", 0.0)
    del found.plain["optim"], found.plain["seed"], found.plain["data"], found.plain["model"]
    for step in key.split("."):
        parsed = parsed.get(step, ABSENT) if isinstance(parsed, dict) else ABSENT
    assert found.get(key) == parsed and type(found.get(key)) is type(parsed)


def row(run: str = "a", best: float | None = 1.0, metric: str = "val/loss", **more: Any) -> Row:
    mode = "max" if metric.endswith("accuracy") else "min"
    goal = {"metric": metric, "mode": mode, "best": best}
    return Row(run, {"goal": goal, "metrics": {metric: best}, **more}, "completed", 0.0)  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("value", "wanted", "same"),
    [
        ("lstm", "gru,lstm", True),
        ("lstm", "lst", False),
        (0.01, "1e-2", True),
        (3, "3.0", True),
        (3, "three,3", True),
        (True, "true", True),
        (True, "1", False),  # a switch is no number
        (None, "null", True),
        (None, "None", False),
        ([64, 32], "[64, 32]", True),
        (["a", "b"], "[a,b]", True),
        ([64, 32], "64,32", False),
        (ABSENT, "null", False),
    ],
)
def test_a_value_is_the_one_that_was_typed(value: object, wanted: str, same: bool) -> None:
    assert query.alike(value, wanted) == same


@pytest.mark.parametrize(
    ("text", "best", "holds"),
    [
        ("best<1", 0.5, True),
        ("best<=1", 1.0, True),
        ("best<1", 1.0, False),
        ("best>=1", 1.0, True),
        ("best>1", 2.0, True),
        ("best!=1", 1.0, False),
        ("best>0", None, False),  # it is neither above nor below anything
        ("best<0", math.nan, False),
        ("best!=1", None, True),
        ("started<2026-11-21", 1.0, True),
    ],
)
def test_a_condition(text: str, best: float | None, holds: bool) -> None:
    assert Condition.parse(text).holds(row(best=best)) == holds


def test_the_best_come_first_and_goals_are_not_mixed() -> None:
    """Accuracies, then losses; what has no number stays where it was, at the end."""
    rows = [
        row("bad", 0.1, "val/accuracy"),
        row("none", None),
        row("low", 0.2),
        row("nan", math.nan),
        row("good", 0.9, "val/accuracy"),
        row("high", 3.0),
    ]
    assert [each.run for each in query.ordered(rows, "best")] == ["good", "bad", "low", "high", "none", "nan"]
    assert [each.run for each in query.ordered(rows, "val/loss")][:2] == ["low", "high"]
    assert [each.run for each in query.ordered(rows, "val/accuracy", reverse=True)][:2] == ["bad", "good"]
    assert [each.run for each in query.ordered(rows, "run", reverse=True)][:2] == ["none", "nan"]


def test_a_table_has_a_value_of_every_run() -> None:
    rows = [row("a", 1.0, overrides=["model=lstm", "seed=1"]), row("b", 0.5, "val/accuracy")]
    found = query.columns(rows, ["optim.lr", "best"])
    assert found["run"] == ["a", "b"] and found["overrides"] == ["model=lstm seed=1", ""]
    assert found["val/loss"] == [1.0, None] and found["val/accuracy"] == [None, 0.5]
    assert found["optim.lr"] == [None, None] and list(found).count("best") == 1
    assert query.columns([]) == {"overrides": []}


def test_a_folder_that_was_named_twice_lists_a_run_once(tmp_path: Path) -> None:
    for name in ("outputs/a", "outputs/b"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "config.yaml").write_text("choices: {}\nseed: 0\nfolder: x\n")
        (tmp_path / name / "summary.json").write_text('{"status": "completed", "choices": {}}')
    found = query.read([str(tmp_path), str(tmp_path / "outputs/a"), str(tmp_path)])
    assert sorted(Path(each.run).name for each in found) == ["a", "b"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="^There is no run in .*/empty. A run's folder has a config.yaml and a summary"):
        query.read([str(tmp_path), str(tmp_path / "empty")])


def test_a_run_of_ours_that_can_not_be_read_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{")
    assert query.read_row(str(tmp_path), 0.0) is None  # nothing says that it is ours
    (tmp_path / "config.yaml").write_text("choices: {}\nseed: 0\nfolder: x\n")
    found = query.read_row(str(tmp_path), 0.0)
    assert found is not None and found.plain["status"] == "unreadable" and "summary.json can't be read" in found.why
