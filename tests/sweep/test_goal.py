"""A goal that was typed: the trainer, the lists of runs, the leaderboard and TensorBoard all go by it.

A test across modules: what one of them makes of the goal the next one reads.
"""

import json
from pathlib import Path

import pytest
from runs import Cli
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

SMALL = ("model=linear", "data=fashion_mnist", "stand_in=always", "trainer.epochs=2", "trainer.limit_batches=3")


def board(folder: str) -> dict:
    return json.loads((Path(folder) / "leaderboard.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_sweep_goes_by_the_goal_that_was_typed(cli: Cli) -> None:
    """A learning rate of 0 learns nothing: that job is the last, by a metric of which more is better."""
    typed = ("task.goal=max f1", "task.metrics=[auc,log_loss]", "task.class_weights=balanced")
    code, _, err = cli("-m", *SMALL, *typed, "optim.lr=0,0.1", "folder=s", "launcher.workers=2")
    assert code == 0, err
    found = board("s")
    assert (found["metric"], found["mode"]) == ("val/f1", "max")
    best, worst = found["jobs"]
    assert "optim.lr=0.1" in best["overrides"] and best["best"] > worst["best"]

    folder = Path("s") / best["folder"]
    summary = json.loads((folder / "summary.json").read_text())
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    values = [line["val/f1"] for line in lines if "val/f1" in line]
    assert summary["goal"]["best"] == best["best"] == max(values) > summary["baseline"]["val/f1"]
    assert {"test/f1", "test/auc", "test/log_loss", "train/log_loss"} < summary["metrics"].keys()
    assert not {"train/f1", "train/auc"} & summary["metrics"].keys()  # no means over batches
    assert summary["baseline"].keys() == {"val/loss", "val/f1", "val/auc", "val/log_loss"}
    events = EventAccumulator(str(folder))
    events.Reload()
    assert events.Scalars("goal/last")[-1].value == pytest.approx(values[-1])

    for key in ("best", "val/f1", "val/auc"):  # auc is nobody's goal, and more of it is better all the same
        code, out, err = cli("runs", "s", "--sort", key, "--json")
        assert code == 0 and [row["run"] for row in json.loads(out)][0].endswith(best["folder"]), err
    code, out, err = cli("eval", str(folder), "--split", "val", "--json")
    assert code == 0 and json.loads(out)["val/f1"] == summary["goal"]["best"], err
