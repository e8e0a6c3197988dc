"""`dlrun runs [DIR…]`: a table of runs, newest first. Reads files only: no torch, no database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlrun import console
from dlrun.errors import UserError, nearest
from dlrun.rundir import OUTPUTS, RunDir, find_runs
from dlrun.verbs.parser import verb


def run(argv: list[str]) -> None:
    parser = verb("runs", "A table of runs, newest first.", run=False, json=True)
    parser.add_argument("folders", nargs="*", metavar="DIR", help="default: outputs/")
    parser.add_argument(
        "--sort", metavar="KEY", help="best, time, step, status, model … or any metric, such as val/loss"
    )
    arguments = parser.parse_args(argv)
    rows = [row(path) for path in find_runs([Path(folder) for folder in arguments.folders] or [OUTPUTS])]
    rows.sort(key=lambda each: each["started"], reverse=True)
    if arguments.sort:
        rows = sort_by(rows, arguments.sort)
    if arguments.json:
        console.json_out(rows)
    elif not rows:
        console.out("There is no run yet. Start one: dlrun model=lstm")
    else:
        columns = ["run", "status", "model", "data", "optim", "goal", "best", "step", "time"]
        console.table("runs", columns, [cells(each) for each in rows])


def row(path: Path) -> dict[str, Any]:
    """What one run's files say; a run without a summary has not begun."""
    run_dir = RunDir(path)
    summary = run_dir.read_summary()
    chosen, goal = summary.get("choices", {}), summary.get("goal", {})
    status = summary.get("status", "failed")
    if status == "running" and not run_dir.in_use():
        status = "interrupted"  # killed: nobody was left to write it down
    return {
        "run": str(path),
        "status": status,
        **{group: chosen.get(group) for group in ("model", "data", "task", "optim")},
        "goal": goal.get("metric"),
        "mode": goal.get("mode"),
        "best": goal.get("best"),
        "epoch": summary.get("epoch"),
        "step": summary.get("step"),
        "time": summary.get("duration_s"),
        "started": (path / "config.yaml").stat().st_mtime,
        "overrides": summary.get("overrides", []),
        "metrics": summary.get("metrics", {}),
    }


def sort_by(rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Best first where the run's goal says what is better, otherwise smallest first; runs without a value last."""
    plain = {name for each in rows for name in each if name not in ("metrics", "overrides")}
    metrics = {name for each in rows for name in each["metrics"]}
    if rows and key not in plain | metrics:
        raise UserError(f"No run has {key}. {nearest(key, plain | metrics)}")

    def value(each: dict[str, Any]) -> Any:
        found = each["metrics"].get(key) if key in metrics else each.get(key)
        if isinstance(found, int | float) and each["mode"] == "max" and key in ("best", each["goal"]):
            return -found
        return found

    present = [each for each in rows if value(each) is not None]
    return sorted(present, key=value) + [each for each in rows if value(each) is None]


def cells(each: dict[str, Any]) -> list[str]:
    time = "" if each["time"] is None else f"{each['time']:.0f} s"
    names = [str(each[key] or "") for key in ("run", "status", "model", "data", "optim", "goal")]
    return [*names, "" if each["best"] is None else console.number(each["best"]), str(each["step"] or ""), time]
