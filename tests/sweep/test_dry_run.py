"""`-m --dry-run`: what a sweep would cost, each kind of job measured once, and nothing left behind."""

import json
from pathlib import Path
from typing import Any

import pytest
from runs import Cli

from dlrun.errors import RunFailed
from dlrun.run.dry_run import Cost
from dlrun.sweep.dry_run import Estimate, Kind, kind_of, last_end, show


def measured(cli: Cli, *words: str) -> dict[str, Any]:
    code, out, err = cli("-m", "--dry-run", "--json", *words)
    assert code == 0, err
    return json.loads(out)


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


def test_the_table_has_a_row_a_kind(capfd: pytest.CaptureFixture[str]) -> None:
    cost = Cost(
        device="cpu fp32",
        data="generated",
        parameters=3000,
        peak_bytes=2_000_000,
        measured_steps=3,
        first_step_s=1.0,
        step_s=0.5,
        examples_per_s=20.0,
        steps_a_pass=10,
        steps=21,
        count_s=0.0,
        evaluations=2,
        first_evaluation_s=0.0,
        evaluation_s=2.0,
        test_s=0.0,
    )
    good = Kind([0, 2], ["model=mlp", "optim.lr=0.1"], cost, None)
    bad = Kind([1], ["model=mlp", "optim.lr=9"], None, "The loss became nan.")
    with pytest.raises(RunFailed, match="^1 of 3 jobs would fail; the first, job 1: The loss became nan.$"):
        show(Estimate([good, bad], 3, False, 2, 30.0, 15.0))
    out, _ = capfd.readouterr()
    (row,) = [line for line in out.splitlines() if "2 like job 0" in line]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    assert cells == ["2 like job 0", "optim.lr=0.1", "3,000", "2 MB", "500 ms", "21", "15 s"]
    assert "job 1" in out and "fails: The loss became nan." in out and "model=mlp" not in out
    assert "3 jobs, 2 at once: 15 s, an estimate (30 s of work)" in out


@pytest.mark.slow
def test_a_sweep_measures_each_kind_of_job_once(cli: Cli, tmp_path: Path) -> None:
    words = ["optim.lr=0.1,0.2", "seed=1,2", "trainer.epochs=1,2", "launcher.workers=3"]
    code, out, err = cli("-m", *words, "--dry-run", "--json")
    assert code == 0 and "measuring 2 of 2" in err
    found = json.loads(out)
    assert (found["jobs"], found["workers"], found["searched"]) == (8, 3, False)
    assert [kind["steps"] for kind in found["kinds"]] == [80, 160]
    assert [kind["jobs"] for kind in found["kinds"]] == [[0, 2, 4, 6], [1, 3, 5, 7]]
    work = sum(len(kind["jobs"]) * kind["total_s"] for kind in found["kinds"])
    assert found["work_s"] == pytest.approx(work) and work / 3 <= found["total_s"] < work
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_memory_of_a_sweeps_jobs_is_measured_apart(cli: Cli, tmp_path: Path) -> None:
    """The large one first: what it took must not hide what the small one takes, nor be added to it."""
    large, small = measured(
        cli, "model=mlp", "data=airfoil", "stand_in=always", "optim=adam", "model.hidden=[3000,3000],[8]"
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
    search = ["hydra/sweeper=optuna", "optim.lr=interval(0.01,0.1)", "hydra.sweeper.trials=7"]
    found = measured(cli, *search)
    assert (found["jobs"], found["searched"], len(found["kinds"])) == (7, True, 1)
    assert found["work_s"] == pytest.approx(7 * found["kinds"][0]["total_s"])
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_ends_as_that_of_a_sweep(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("-m", "--dry-run", "optim.lr=0.1")
    assert (code, out) == (2, "") and err.startswith("error: Nothing to sweep over.")
    assert list(tmp_path.iterdir()) == []
