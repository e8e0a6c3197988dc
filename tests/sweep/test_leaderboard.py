"""Who is best: by the goal of most jobs, by the mean where a seed is swept; as JSON, a page and a table."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.errors import RunFailed
from dlrun.sweep import leaderboard
from dlrun.sweep.folder import Job, SweepDir

Ended = Callable[..., tuple[SweepDir, list[Job]]]
SEEDS = {
    "optim.lr=0.01 seed=0 model=linear": 0.1,
    "optim.lr=0.01 seed=1 model=linear": 0.5,
    "optim.lr=0.02 seed=0 model=linear": 0.21,
    "optim.lr=0.02 seed=1 model=linear": 0.19,
}


def test_a_configuration_is_best_and_not_its_lucky_seed(ended: Ended, capfd: pytest.CaptureFixture[str]) -> None:
    sweep, jobs = ended(SEEDS)
    rows = leaderboard.show(sweep, jobs)
    out, err = capfd.readouterr()
    again, look = err.splitlines()
    assert again == "the best again: dlrun optim.lr=0.02 model=linear" and look.startswith(
        "look at it: dlrun eval s/3-"
    )
    assert "leaderboard, min val/mse\n" in out and "metric" not in out  # which all jobs have
    assert [row["job"] for row in rows] == [3, 2, 0, 1] and [row["rank"] for row in rows] == [1, 2, 3, 4]
    board = json.loads(Path("s/leaderboard.json").read_text())
    assert board["jobs"] == rows and board["common"] == ["model=linear"]
    first, second = board["seeds"]
    assert (first["overrides"], first["seeds"]) == ("optim.lr=0.02 model=linear", 2)
    assert first["mean"] == pytest.approx(0.2) and second["std"] == pytest.approx(0.2828427)
    page = Path("s/leaderboard.md").read_text(encoding="utf-8").splitlines()
    assert page[0] == "# Leaderboard: min val/mse" and page[2] == "All jobs: `model=linear`"
    assert page[-2] == "| 1 | optim.lr=0.02 | completed | val/mse | 0.2 ± 0.014 | 2 seeds: 0.19 0.21 | 1.5 s |"
    assert page[-1] == "| 2 | optim.lr=0.01 | completed | val/mse | 0.3 ± 0.28 | 2 seeds: 0.1 0.5 | 1.5 s |"
    assert "leaderboard" in out and "0.2 ± 0.014" in out and "2 seeds: 0.19 0.21" in out


def test_a_seed_that_diverged_is_told(ended: Ended, capfd: pytest.CaptureFixture[str]) -> None:
    sweep, jobs = ended({**SEEDS, "optim.lr=0.02 seed=1 model=linear": None})
    rows = leaderboard.show(sweep, jobs)
    out = capfd.readouterr().out
    assert "1 of 2 seeds: 0.21" in out and "1 completed, 1 diverged" in out
    with pytest.raises(RunFailed, match="^1 of 4 jobs failed; the first, job 3: The loss became nan. Try them again: "):
        leaderboard.raise_failures(sweep, rows)


def test_more_is_better_where_the_goal_says_so(ended: Ended) -> None:
    sweep, jobs = ended({"optim.lr=1": 0.7, "optim.lr=2": 0.9, "optim.lr=3": 0.9}, metric="val/accuracy")
    board = leaderboard.leaderboard(sweep, jobs)
    assert (board["metric"], board["mode"]) == ("val/accuracy", "max") and "seeds" not in board
    assert [row["job"] for row in board["jobs"]] == [1, 2, 0]  # those alike in their own order
    assert leaderboard.best_again(board) == ["optim.lr=2"]


def test_where_nothing_has_ended_nobody_is_best(ended: Ended) -> None:
    sweep, jobs = ended({"optim.lr=1": "", "optim.lr=2": None})
    board = leaderboard.write(sweep, jobs)
    assert (board["metric"], [row["rank"] for row in board["jobs"]]) == (None, [None, None])
    assert [row["status"] for row in board["jobs"]] == ["waiting", "diverged"]
    assert leaderboard.best_again(board) is None


def test_a_bar_in_a_value_breaks_no_row(ended: Ended) -> None:
    sweep, jobs = ended({"data.path=a|b optim.lr=1": 0.5, "data.path=a|b optim.lr=2|": 0.6})
    leaderboard.write(sweep, jobs)
    assert "| optim.lr=2\\| |" in Path("s/leaderboard.md").read_text()
