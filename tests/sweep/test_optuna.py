"""Optuna searches: pruned and failed trials, several goals, a search that goes on, and what can be wrong."""

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

import pytest
from runs import Cli, Run

pytest.importorskip("optuna")
import optuna  # noqa: E402
from optuna.storages.journal import JournalFileBackend  # noqa: E402

from dlrun.sweep import optuna as search  # noqa: E402

SEARCH = ["-m", "hydra/sweeper=optuna", "trainer.epochs=3", "folder=s", "device=cpu", "launcher.workers=2"]
LR = "optim.lr=tag(log,interval(1e-4,0.1))"


def board(folder: str = "s") -> list[dict]:
    rows = json.loads((Path(folder) / "leaderboard.json").read_text(encoding="utf-8"))["jobs"]
    return sorted(rows, key=lambda row: row["job"])


def study(folder: str = "s", storage: str = "journal") -> "optuna.Study":
    store: optuna.storages.BaseStorage | str = "sqlite:///s/optuna.db"
    if storage == "journal":
        store = optuna.storages.JournalStorage(JournalFileBackend(f"{folder}/optuna.log"))
    return optuna.load_study(study_name="dlrun", storage=store)


@pytest.mark.slow
def test_every_trial_is_a_job_that_optuna_knows_the_end_of(cli: Cli) -> None:
    """Learning rates from far too small to good: what is bad after a pass is pruned, and the study says the same."""
    code, _, err = cli(*SEARCH, LR, "batch_size=16,32", "hydra.sweeper.trials=8", "hydra.sweeper.warmup_trials=2")
    assert code == 0, err
    trials = {trial.number: trial for trial in study().trials}
    rows = board()
    assert [row["job"] for row in rows] == list(trials) == list(range(8))
    for row in rows:
        trial = trials[row["job"]]
        assert {"completed": "COMPLETE", "pruned": "PRUNED"}[row["status"]] == trial.state.name
        (tried,) = [float(each[9:]) for each in row["overrides"] if each.startswith("optim.lr=")]
        assert tried == float(f"{trial.params['optim.lr']:.4g}") and 1e-4 <= tried <= 0.1
        config = Run(Path("s") / row["folder"]).config
        assert config["optim"]["lr"] == tried  # what is shown is what was trained
        assert trial.params["batch_size"] in ("16", "32")
        if row["status"] == "completed":
            assert trial.value == row["best"]
    pruned = [row for row in rows if row["status"] == "pruned"]
    assert pruned and min(row["best"] for row in rows) not in [row["best"] for row in pruned]
    summary = Run(Path("s") / pruned[0]["folder"]).summary
    assert summary["status"] == "pruned" and summary["epoch"] < 3

    code, _, err = cli("resume", "s")
    assert code == 0 and len(study().trials) == 8  # nothing was left
    (Path("s") / "sweep.json").write_text((Path("s") / "sweep.json").read_text().replace("trials=8", "trials=10"))
    assert cli("resume", "s")[0] == 0
    assert len(study().trials) == len(board()) == 10
    assert len({tuple(row["overrides"]) for row in board()}) == 10  # a search that goes on draws no value again


@pytest.mark.parametrize("sampler", ["tpe", "random", "cmaes", "gp"])
@pytest.mark.slow
def test_one_worker_at_a_time_it_goes_on_as_if_it_had_never_stopped(sampler: str, cli: Cli) -> None:
    small = ["trainer.max_steps=3", "trainer.epochs=null", "device=cpu", "launcher.workers=1"]
    typed = ["-m", "hydra/sweeper=optuna", f"hydra.sweeper.sampler={sampler}", LR, "batch_size=int(interval(8,64))"]
    assert cli(*typed, *small, "hydra.sweeper.trials=13", "folder=whole")[0] == 0
    assert cli(*typed, *small, "hydra.sweeper.trials=11", "folder=s")[0] == 0
    study().ask()  # and there it was killed
    facts = Path("s/sweep.json")
    facts.write_text(facts.read_text().replace("trials=11", "trials=13"))
    assert cli("resume", "s")[0] == 0
    trials = [[(trial.number, trial.params, trial.value) for trial in study(each).trials] for each in ("whole", "s")]
    assert trials[0] == trials[1] and len(trials[0]) == len(board()) == 13
    study().ask()  # by whoever: one more than were typed
    assert cli("resume", "s")[0] == 0 and len(board()) == 13 and study().trials[-1].state.name == "FAIL"


@pytest.mark.slow
def test_failed_trials_do_not_stop_the_search(cli: Cli) -> None:
    code, _, err = cli(*SEARCH, "optim.lr=0.03,10000", "hydra.sweeper.sampler=grid", "hydra.sweeper.pruner=none")
    assert code == 1 and "diverged" in err and "jobs failed" in err and "--retry-failed" not in err
    code, _, err = cli("resume", "s", "--retry-failed")
    assert code == 2 and "s is a search, in which a trial that failed counts as tried." in err
    states = {trial.params["optim.lr"]: trial.state.name for trial in study().trials}
    assert states == {"0.03": "COMPLETE", "10000": "FAIL"}


@pytest.mark.slow
def test_several_goals_and_sqlite(cli: Cli) -> None:
    code, out, err = cli(
        *SEARCH, LR, "hydra.sweeper.trials=3", "hydra.sweeper.pruner=none", "hydra.sweeper.storage=sqlite",
        "hydra.sweeper.sampler=random", "hydra.sweeper.goals=['min val/mse','min duration_s']",
    )  # fmt: skip
    assert code == 0, err
    found = study(storage="sqlite")
    assert [direction.name for direction in found.directions] == ["MINIMIZE", "MINIMIZE"]
    assert all(len(trial.values) == 2 and trial.values[1] > 0 for trial in found.trials)
    assert "best trade-offs" in out and "min duration_s" in out


MISTAKES = {
    ("seed=0",): "Nothing to search. Give a key a range: 'optim.lr=tag(log,interval(1e-4,1))' or values a,b.",
    ("optim.lr=tag(log,interval(0,1))",): "optim.lr=tag(log,interval(0,1)) is no range to search: ",
    (LR, "hydra.sweeper.trials=0"): "hydra.sweeper.trials=0: it must be at least 1.",
    (LR, "hydra.sweeper.sampler=tpo"): "hydra.sweeper.sampler=tpo: ",
    (
        LR,
        "hydra.sweeper.goals=[val/mse]",
    ): "hydra.sweeper.goals: val/mse is no goal. For example: 'min val/perplexity'.",
    (LR, "hydra.sweeper.sampler=grid"): "optim.lr has no steps, so a grid has no end. "
    "Type values a,b or range(0,1,0.1), or another sampler.",
    (LR, "model.hidden=3"): "1 of 1 job can't run, so none was started:\n  job 0 (",
    (
        LR,
        "hydra.sweeper.goals=['min val/mse','min duration_s']",
    ): "Runs can be given up for one goal only. With several: hydra.sweeper.pruner=none.",
    (
        LR,
        "task.goal=max r2,min mae",
    ): "A search looks for the best of one goal: type one task.goal=…, or list them under dlrun -m.",
    (LR, "hydra/launcher=joblib"): "hydra/sweeper=optuna hears from each job while it runs: leave hydra/launcher out.",
}


@pytest.mark.parametrize("more", MISTAKES)
def test_a_mistake_gets_one_message_and_leaves_nothing(more: tuple[str, ...], cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("-m", "hydra/sweeper=optuna", *more)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {MISTAKES[more]}")
    assert list(tmp_path.iterdir()) == []


def test_without_optuna_it_says_what_to_install(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "dlrun.sweep.optuna", raising=False)
    code, _, err = cli("-m", "hydra/sweeper=optuna", LR)
    assert (code, err) == (2, "error: hydra/sweeper=optuna needs Optuna: pip install 'dlrun[optuna]'\n")


@pytest.mark.slow
def test_a_search_goes_toward_the_goal_that_was_typed(cli: Cli) -> None:
    small = (
        "model=linear",
        "data=fashion_mnist",
        "stand_in=always",
        "trainer.limit_batches=3",
        "hydra.sweeper.trials=2",
    )
    code, _, err = cli(*SEARCH, *small, "task.goal=max auc", "optim.lr=interval(0.01,0.1)")
    assert code == 0, err
    assert study().direction.name == "MAXIMIZE"
    assert max(row["best"] for row in board()) == study().best_trial.value


DAMAGE = {"journal": "this is no journal\n", "sqlite": "this is no database\n" * 100}


@pytest.mark.slow
@pytest.mark.parametrize("storage", DAMAGE)
def test_a_damaged_storage_is_one_line(storage: str, cli: Cli) -> None:
    assert cli(*SEARCH, LR, "hydra.sweeper.trials=1", f"hydra.sweeper.storage={storage}")[0] == 0
    path = Path("s") / {"journal": "optuna.log", "sqlite": "optuna.db"}[storage]
    path.write_text(DAMAGE[storage])
    code, out, err = cli("resume", "s")
    assert (code, out) == (2, "") and "Traceback" not in err
    last = err.splitlines()[-1]
    assert last.startswith(f"error: The search's storage {path} is locked or damaged: ")
    assert last.endswith(". Once it is free or put back: dlrun resume s") and len(last) < 250


@pytest.mark.slow
def test_a_locked_storage_is_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locked while a trial runs, and when it is to be opened. Its run saves, and goes on once it is free."""
    message = (
        "error: The search's storage s/optuna.db is locked or damaged: database is locked. "
        "Once it is free or put back: dlrun resume s"
    )
    should_prune, others = search.Trials.should_prune, []

    def locked(*report: Any) -> bool:
        others.append(sqlite3.connect("s/optuna.db"))
        others[0].execute("BEGIN EXCLUSIVE")
        return should_prune(*report)

    with monkeypatch.context() as patch:
        patch.setattr(search.Trials, "should_prune", locked)
        code, _, err = cli(*SEARCH, LR, "hydra.sweeper.trials=2", "hydra.sweeper.storage=sqlite")
    assert (code, err.splitlines()[-1]) == (2, message) and "Traceback" not in err
    code, _, err = cli("resume", "s")
    assert (code, err.splitlines()[-1]) == (2, message) and "Traceback" not in err
    others[0].close()
    code, _, err = cli("resume", "s")
    assert code == 0, err
    assert [trial.state.name for trial in study(storage="sqlite").trials] == ["COMPLETE", "COMPLETE"]
