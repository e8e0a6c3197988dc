"""Folders of runs that were never trained, for the verbs about many runs; and small ones that answer, trained once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlrun.cli import exit_code

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


def trained(folder: Path, *words: str) -> Path:
    assert exit_code([*words, "stand_in=always", "device=cpu", f"folder={folder}"]) == 0
    return folder


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two numbers and their weighted sum."""
    return trained(tmp_path_factory.mktemp("runs") / "plain", "model=linear", "trainer.epochs=2")


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of word vectors."""
    typed = ["model=skipgram", "model.embed=8", "trainer.max_steps=20", "batch_size=512", "task.min_count=1"]
    return trained(tmp_path_factory.mktemp("runs") / "words", *typed)


@pytest.fixture(scope="session")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a language model of characters."""
    typed = ["model=rnn", "model.embed=8", "model.hidden=8", "data=jaychou_lyrics", "trainer.max_steps=4"]
    return trained(tmp_path_factory.mktemp("runs") / "writer", *typed)
