"""`--dry-run`: real steps, figures that a real run confirms, and nothing left behind."""

import json
from pathlib import Path
from typing import Any

import pytest
from runs import Cli, Run

from dlrun.sweep.dry_run import kind_of, last_end


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
        (("-m", "optim.lr=0.1"), 2, "Nothing to sweep over."),
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


def test_what_jobs_differ_in_costs_or_does_not() -> None:
    config: dict[str, Any] = {"seed": 0, "folder": "a", "optim": {"lr": 0.1}, "model": {"hidden": 8, "dropout": 0.0}}
    same = {**config, "seed": 1, "folder": "b", "optim": {"lr": 0.2}}
    assert kind_of(config) == kind_of(same)
    for model in ({"hidden": 9, "dropout": 0.0}, {"hidden": 8, "dropout": 0.5}):
        assert kind_of(config) != kind_of({**config, "model": model})


def test_workers_share_the_jobs_out() -> None:
    assert last_end([3, 1, 1, 1], 2) == 3
    assert last_end([1, 1, 1, 3], 2) == 4
    assert last_end([1, 2], 1) == 3 and last_end([], 2) == 0


@pytest.mark.slow
def test_a_sweep_measures_each_kind_of_job_once(cli: Cli, tmp_path: Path) -> None:
    words = ["-m", "optim.lr=0.1,0.2", "seed=1,2", "trainer.epochs=1,2", "launcher.workers=3"]
    found = measured(cli, *words)
    assert (found["jobs"], found["workers"], found["searched"]) == (8, 3, False)
    assert [kind["steps"] for kind in found["kinds"]] == [80, 160]
    assert [kind["jobs"] for kind in found["kinds"]] == [[0, 2, 4, 6], [1, 3, 5, 7]]
    work = sum(len(kind["jobs"]) * kind["total_s"] for kind in found["kinds"])
    assert found["work_s"] == pytest.approx(work) and work / 3 <= found["total_s"] < work
    code, out, err = cli(*words, "--dry-run")
    assert code == 0 and "4 like job 0" in out and "8 jobs, 3 at once: " in out and "an estimate" in out
    assert "measuring 2 of 2" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_memory_of_a_sweeps_jobs_is_measured_apart(cli: Cli, tmp_path: Path) -> None:
    """The large one first: what it took must not hide what the small one takes, nor be added to it."""
    large, small = measured(
        cli, "-m", "model=mlp", "data=airfoil", "stand_in=always", "optim=adam", "model.hidden=[3000,3000],[8]"
    )["kinds"]
    weights = 4 * large["parameters"]
    assert weights > 36e6
    assert large["peak_bytes"] - small["peak_bytes"] > 3 * weights  # weights, gradients, and Adam's two of each
    assert 0 < small["peak_bytes"] < 3 * weights


@pytest.mark.slow
def test_a_job_that_fails_is_named_and_a_search_counts_its_trials(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("-m", "--dry-run", "trainer.max_steps=50", "optim=sgd,adagrad", "optim.lr=1e30")
    assert code == 1 and "fails: The loss became" in out
    assert "2 of 2 jobs would fail; the first, job 0: The loss became" in err
    search = ["-m", "hydra/sweeper=optuna", "optim.lr=interval(0.01,0.1)", "hydra.sweeper.trials=7"]
    found = measured(cli, *search)
    assert (found["jobs"], found["searched"], len(found["kinds"])) == (7, True, 1)
    assert found["work_s"] == pytest.approx(7 * found["kinds"][0]["total_s"])
    assert list(tmp_path.iterdir()) == []
