"""`--dry-run`: real steps, figures that a real run confirms, and nothing left behind."""

import json
from pathlib import Path
from typing import Any

import pytest
from runs import Cli, Run


def measured(cli: Cli, *words: str) -> dict[str, Any]:
    code, out, err = cli("--dry-run", "--json", *words)
    assert code == 0, err
    return json.loads(out)


def test_three_real_steps_are_measured_and_nothing_is_left(cli: Cli, tmp_path: Path) -> None:
    found = measured(cli)
    assert (found["status"], found["parameters"], found["data"]) == ("completed", 3, "generated")
    assert (found["steps"], found["steps_a_pass"], found["evaluations"]) == (800, 80, 10)
    assert 3 <= found["measured_steps"] <= 100 and found["step_s"] > 0 and found["examples_per_s"] > 0
    assert found["pass_s"] == 80 * found["step_s"]
    assert found["total_s"] >= found["first_step_s"] + 799 * found["step_s"]
    assert list(tmp_path.iterdir()) == []


def test_a_table_for_a_person(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("--dry-run", "trainer.epochs=2")
    assert code == 0 and out.startswith("dry run: linear on synthetic_linear with sgd, cpu")
    for word in (
        "parameters",
        "memory at its peak",
        "160: 2 passes of 80",
        "examples/s",
        "a pass",
        "in all",
        "estimate",
    ):
        assert word in out
    assert "nothing was kept" in err and "epoch" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("trainer.epochs=3", "trainer.eval_every_steps=30"),
        ("trainer.max_steps=100", "trainer.eval_every_epochs=2"),
        ("trainer.epochs=2", "trainer.accumulate=7", "trainer.limit_batches=20"),
        ("trainer.max_steps=2",),
        ("model=point", "optim.lr=0.4"),
    ],
)
def test_a_run_takes_as_many_steps_and_evaluations_as_were_foretold(cli: Cli, words: tuple[str, ...]) -> None:
    found = measured(cli, *words)
    assert cli(*words, "folder=run")[0] == 0
    run = Run("run")
    goal = run.summary["goal"]["metric"]
    assert found["steps"] == run.summary["step"]
    assert found["evaluations"] == sum(goal in line for line in run.metrics)
    assert found["measured_steps"] <= found["steps"]


def test_a_stand_in_takes_the_place_of_data_as_in_a_run(cli: Cli, tmp_path: Path) -> None:
    found = measured(cli, "data=airfoil", "model=mlp", "stand_in=always", "trainer.epochs=1")
    assert found["data"] == "stand-in" and found["test_s"] > 0
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_only_counts(cli: Cli) -> None:
    found = measured(cli, "model=ngram", "data=jaychou_lyrics", "stand_in=always")
    assert (found["measured_steps"], found["steps"], found["evaluations"]) == (0, 1, 1)
    assert found["count_s"] > 0 and found["total_s"] > found["count_s"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("optim.lr=1e30", "trainer.max_steps=50"), 1, "The loss became inf at step 2. Try a smaller optim.lr"),
        (("model=lsmt",), 2, "There is no model lsmt. Did you mean lstm?"),
        (("optim.lr=-1",), 2, "optim.lr=-1: it must be at least 0."),
        (("model=lenet", "data=ptb"), 2, "LeNet needs in_channels"),
        (("--cfg", "job"), 2, "--cfg trains nothing: leave --dry-run and --json out."),
    ],
)
def test_mistakes_end_as_those_of_a_run(
    cli: Cli, tmp_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    found, out, err = cli(*words, "--dry-run")
    assert (found, out) == (code, "") and err.startswith(f"error: {message}")
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_in_code_of_ones_own_names_its_place(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "dry_package.py").write_text(
        "from torch import nn\n\nclass Mine(nn.Module):\n    def __init__(self, in_features: int, outputs: int):\n"
        "        super().__init__()\n        self.layer = nn.Linear(in_features, outputs)\n\n"
        "    def forward(self, x):\n        return self.layer(x) + self.missing\n"
    )
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "mine.yaml").write_text("_target_: dry_package.Mine\n")
    words = ["--config-dir", "conf", "trusted=[dry_package]", "model=mine"]
    code, out, err = cli(*words, "--dry-run")
    assert (code, out) == (1, "") and err.startswith("error: dry_package.py:9: AttributeError")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == ["conf", "dry_package.py"]
