"""What Python is answered with, read from folders: runs, their history, tables, a leaderboard."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import dlrun
from dlrun.api import results


def made(name: str, status: str = "completed", best: float | None = 0.5, **more: Any) -> Path:
    folder = Path(name)
    folder.mkdir(parents=True)
    config = {"choices": {"model": "lstm"}, "seed": 0, "folder": name, "optim": {"lr": 0.1}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    goal = {"metric": "val/loss", "mode": "min", "best": best, "best_step": 2}
    summary = {"status": status, "choices": {"model": "lstm"}, "goal": goal, "metrics": {"val/loss": best}}
    (folder / "summary.json").write_text(json.dumps(summary | more))
    return folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_run_is_read_when_it_is_asked(tmp_path: Path) -> None:
    """It may still train."""
    folder = made("outputs/a", "running")
    run = dlrun.Run("outputs/a")
    assert (run.folder, run.status) == (tmp_path / "outputs/a", "interrupted")  # no process is at it
    assert (run.config["optim"], run.metrics) == ({"lr": 0.1}, {"val/loss": 0.5})
    summary = json.loads((folder / "summary.json").read_text())
    (folder / "summary.json").write_text(json.dumps(summary | {"status": "completed", "metrics": {"val/loss": 0.25}}))
    assert (run.status, run.metrics) == ("completed", {"val/loss": 0.25})
    assert repr(run) == f"Run({str(tmp_path / 'outputs/a')!r}, completed)"
    (folder / "summary.json").write_text("{")
    assert run.status == "unreadable"


def test_a_history_has_as_many_steps_as_values() -> None:
    lines = [{"step": step, "epoch": 0, "time_s": 0.1, "train/loss": 1 / step} for step in (1, 2)]
    lines[1]["val/loss"] = float("nan")
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (made("a") / "metrics.jsonl").write_text(f'{text}{{"step": 3, "ep')  # being written
    steps, values = dlrun.Run("a").history("train/loss")
    assert (steps, values) == ([1, 2], [1.0, 0.5]) and dlrun.Run("a").history("val/loss").steps == [2]
    with pytest.raises(
        dlrun.UserError, match="a has no metric val/los. Did you mean val/loss. Possible: train/loss, val/"
    ):
        dlrun.Run("a").history("val/los")


@pytest.mark.parametrize("kind", [dlrun.Run, dlrun.Leaderboard, results.Opened])
@pytest.mark.parametrize("given", [5, None, ["a"]])
def test_what_is_no_path(kind: Any, given: object) -> None:
    with pytest.raises(
        dlrun.UserError, match=f"^{str(given).replace('[', '.')[:4]}.* is no folder and no file: a path is"
    ):
        kind(given)


def test_runs_are_a_list_and_a_table() -> None:
    for number in range(25):
        made(f"outputs/{number:02}", best=number / 10, overrides=["model=lstm", f"seed={number}"])
    found = dlrun.runs(sort="best")
    assert len(found) == 25 and [run.metrics["val/loss"] for run in found[:2]] == [0.0, 0.1]
    assert found[-1].folder.name == "24" and isinstance(found[3:5], results.Runs) and len(found[3:5]) == 2
    assert len(dlrun.runs(limit=3)) == 3 and len(dlrun.runs(limit=0)) == 0
    with pytest.raises(dlrun.UserError, match="^limit=-1: it must be at least 0.$"):
        dlrun.runs(limit=-1)
    lines = repr(found).splitlines()
    assert lines[:2] == ["25 runs", "  completed  val/loss 0  outputs/00"]
    assert len(lines) == 22 and lines[-1] == "  … and 5 more"
    assert repr(found[:1]).startswith("1 run\n")
    table = found.to_polars()
    assert table.height == 25 and {"run", "status", "best", "overrides", "val/loss"} <= set(table.columns)
    assert table["overrides"][3] == "model=lstm seed=3" and table["val/loss"].to_list()[:2] == [0.0, 0.1]


def test_a_library_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(dlrun.UserError, match="^to_pandas needs pandas, which is not installed: pip install pandas$"):
        results.Runs([]).to_pandas()


def board(*folders: str, metric: str | None = "val/loss") -> None:
    row = {"rank": 1, "job": 0, "status": "completed", "overrides": [], "metric": metric, "mode": "min", "best": 0.5}
    row |= {"last": 0.5, "duration_s": 1.0, "error": None}
    found = {"metric": metric, "mode": "min", "common": [], "jobs": [row | {"folder": folder} for folder in folders]}
    Path("s/leaderboard.json").write_text(json.dumps(found))


def test_a_leaderboard_has_its_own_runs_in_their_order() -> None:
    """A stranger's leads nowhere else."""
    made("s/0-a"), made("s/1-b"), made("elsewhere")
    Path("s/2-c").symlink_to("../elsewhere")
    board("1-b", "0-a", "2-c", "3-gone", "../elsewhere", "/etc", "0-a/../../elsewhere")
    found = dlrun.Leaderboard("s")
    assert [run.folder.name for run in found] == ["1-b", "0-a"] and found.best.folder.name == "1-b"
    board("1-b", metric=None)
    with pytest.raises(dlrun.UserError, match="s has no run with a result yet.$"):
        _ = dlrun.Leaderboard("s").best
    with pytest.raises(dlrun.UserError, match="leaderboard.json does not exist"):
        dlrun.Leaderboard("s/0-a")
