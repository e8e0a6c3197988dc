"""Folders of runs that were never trained: what the verbs about many runs read is in their files alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

MakeRun = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """`make_run("outputs/a", status="failed", metrics={...}, config={"optim": {...}})` -> its folder."""

    def make(
        name: str,
        status: str | None = "completed",
        model: str = "lstm",
        best: float | None = 100.0,
        goal: str = "val/perplexity",
        config: dict[str, Any] | None = None,
        metrics: dict[str, float] | None = None,
        **more: Any,
    ) -> Path:
        run = tmp_path / name
        (run / "checkpoints").mkdir(parents=True)
        (run / "checkpoints" / "best.pt").write_bytes(b"b" * 300_000)
        (run / "checkpoints" / "last.pt").write_bytes(b"l" * 500_000)
        chosen = {"model": model, "data": "ptb", "task": "lm", "optim": "adam"}
        values = {"seed": 0, "optim": {"lr": 0.01}, "folder": name, "choices": chosen} | (config or {})
        (run / "config.yaml").write_text(yaml.safe_dump(values))
        mode = "max" if goal.endswith("accuracy") else "min"
        summary = {
            "status": status,
            "choices": chosen,
            "goal": {"metric": goal, "mode": mode, "best": best, "best_step": 5},
            "metrics": {goal: best} if metrics is None else metrics,
            "epoch": 2,
            "step": 10,
            "duration_s": 1.5,
            "overrides": [f"model={model}"],
            "seed": 0,
        }
        if status is not None:
            (run / "summary.json").write_text(json.dumps(summary | more))
        return run

    return make
