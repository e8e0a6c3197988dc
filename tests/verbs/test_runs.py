"""`dlrun runs`: which runs are there, filtered, sorted, as a table, JSON and CSV."""

import csv
import io
import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest
from runs import Cli

MakeRun = Callable[..., Path]


@pytest.fixture
def names(cli: Cli) -> Callable[..., list[str]]:
    """The last part of each listed run's folder."""

    def listed(*argv: str) -> list[str]:
        code, out, err = cli("runs", *argv, "--json")
        assert code == 0, err
        return [Path(row["run"]).name for row in json.loads(out)]

    return listed


@pytest.fixture
def four(make_run: MakeRun) -> None:
    """Four runs, a the oldest; c is a sweep's job."""
    make_run("outputs/day/a", best=90.0, config={"optim": {"lr": 0.1}, "trainer": {"clip": None}})
    make_run("outputs/day/b", best=None, status="failed", metrics={})
    make_run("outputs/day/x-sweep/0-c", best=0.93, model="textcnn", goal="val/accuracy", config={"optim": {"lr": 1e-3}})
    make_run("outputs/day/d", best=80.0, status="diverged", model="gru")
    for age, name in enumerate(("day/d", "day/x-sweep/0-c", "day/b", "day/a")):
        moment = time.time() - 1000 - 100_000 * age
        os.utime(f"outputs/{name}/config.yaml", (moment, moment))


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], ["d", "0-c", "b", "a"]),
        (["status=failed"], ["b"]),
        (["status=failed,diverged"], ["d", "b"]),
        (["status!=completed"], ["d", "b"]),
        (["model=lstm", "status=completed"], ["a"]),
        (["optim.lr=0.1"], ["a"]),
        (["optim.lr=1e-3"], ["0-c"]),
        (["optim.lr<=0.01"], ["d", "0-c", "b"]),
        (["optim.lr>0.01"], ["a"]),
        (["trainer.clip=null"], ["a"]),
        (["val/accuracy>0.9"], ["0-c"]),
        (["val/accuracy>0.93"], []),
        (["val/accuracy>=0.93"], ["0-c"]),
        (["val/perplexity<85"], ["d"]),
        (["best<85", "goal=val/perplexity"], ["d"]),
        ([f"started<{time.strftime('%Y-%m-%dT%H:%M', time.localtime(time.time() - 250_000))}"], ["a"]),
    ],
)
def test_where(
    conditions: list[str], expected: list[str], cli: Cli, four: None, names: Callable[..., list[str]]
) -> None:
    assert names(*(["--where", *conditions] if conditions else [])) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--sort", "val/perplexity"], ["d", "a", "0-c", "b"]),  # small is good; those without one stay newest first
        (["--sort", "val/perplexity", "--reverse"], ["a", "d", "0-c", "b"]),
        (["--sort", "val/accuracy"], ["0-c", "d", "b", "a"]),
        (["--sort", "best"], ["0-c", "d", "a", "b"]),  # accuracies, then perplexities
        (["--sort", "optim.lr"], ["0-c", "d", "b", "a"]),
        (["--sort", "model", "--limit", "2"], ["d", "b"]),
        (["--reverse"], ["a", "b", "0-c", "d"]),
    ],
)
def test_sort(options: list[str], expected: list[str], cli: Cli, four: None, names: Callable[..., list[str]]) -> None:
    assert names(*options) == expected


def test_large_is_good_where_the_goal_says_so(cli: Cli, make_run: MakeRun, names: Callable[..., list[str]]) -> None:
    for name, value in (("low", 0.1), ("high", 0.9), ("nan", math.nan)):
        metrics = {"val/accuracy": value, "test/accuracy": value}
        make_run(f"outputs/{name}", best=value, goal="val/accuracy", metrics=metrics)
    for key in ("best", "val/accuracy", "test/accuracy"):
        assert names("--sort", key) == ["high", "low", "nan"]


def test_a_column_for_what_was_asked(cli: Cli, four: None) -> None:
    _, out, _ = cli("runs", "--where", "optim.lr=0.1,0.001", "--sort", "val/perplexity")
    head, *rows = [line for line in out.splitlines() if "│" in line or "┃" in line]
    assert head.replace("┃", " ").split()[-2:] == ["optim.lr", "val/perplexity"]
    assert [row.replace("│", " ").split()[-2:] for row in rows] == [["0.1", "90"], ["s", "0.001"]]
    rows = json.loads(cli("runs", "--where", "optim.lr=0.1", "--json")[1])
    assert rows[0]["keys"] == {"optim.lr": 0.1} and rows[0]["metrics"] == {"val/perplexity": 90.0}


def test_csv(cli: Cli, four: None) -> None:
    code, out, _ = cli("runs", "--csv", "--sort", "optim.lr")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0 and [row["optim.lr"] for row in rows] == ["0.001", "0.01", "0.01", "0.1"]
    assert rows[0]["val/accuracy"] == "0.93" and rows[0]["val/perplexity"] == ""
    assert rows[0]["overrides"] == "model=textcnn" and rows[0]["status"] == "completed"


def test_the_table_is_short_unless_all_is_asked_for(cli: Cli, make_run: MakeRun) -> None:
    for number in range(51):
        make_run(f"outputs/{number}-run")
    _, out, err = cli("runs")
    assert out.count("-run ") == 50 and err == "50 of 51 runs; --limit 0 shows all\n"
    _, out, err = cli("runs", "--limit", "0")
    assert out.count("-run ") == 51 and err == ""
    assert len(json.loads(cli("runs", "--json")[1])) == 51


def test_what_a_run_without_a_process_is(cli: Cli, make_run: MakeRun) -> None:
    """A killed one is interrupted; one that never began has failed, or is about to begin when it is young."""
    make_run("outputs/killed", status="running")
    held = make_run("outputs/held", status="running")
    make_run("outputs/young", status=None)
    old = make_run("outputs/old", status=None)
    os.utime(old / "config.yaml", (0, 0))
    with filelock.FileLock(held / ".lock"):
        rows = json.loads(cli("runs", "--json")[1])
    found = {Path(row["run"]).name: row["status"] for row in rows}
    assert found == {"killed": "interrupted", "held": "running", "young": "running", "old": "failed"}


def test_what_only_looks_like_a_run_is_none(cli: Cli, tmp_path: Path, make_run: MakeRun) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text("defaults: []\n")
    make_run("outputs/a")
    (tmp_path / "outputs" / "link").symlink_to(tmp_path / "outputs" / "a")
    assert [row["run"] for row in json.loads(cli("runs", ".", "outputs", "--json")[1])] == ["outputs/a"]


MISTAKES = {
    ("--where", "optim.lrr=1"): "No run has optim.lrr. Did you mean optim.lr or optim?",
    ("--where", "val/accuracyy>1"): "No run has val/accuracyy. Did you mean val/accuracy?",
    ("--sort", "perplexitie"): "No run has perplexitie. Did you mean val/perplexity?",
    ("--where", "zzz=1"): "No run has zzz. Possible: best, data, epoch, goal, mode, model, optim, parameters, run, "
    "scheduler, seed, source, started, status, step, task, time, val/accuracy, val/perplexity, "
    "and every key of a config.yaml, such as optim.lr.",
    ("--where", "status==failed"): "status==failed is no condition. Operators: = != > >= < <=. "
    "For example: --where status=failed 'val/accuracy>0.9' (quoted: a shell reads > itself)",
    ("--where", "status"): "status is no condition. Operators: = != > >= < <=. "
    "For example: --where status=failed 'val/accuracy>0.9' (quoted: a shell reads > itself)",
    ("--where", "status=faild"): "There is no status faild. Did you mean failed? "
    "Possible: completed, diverged, failed, interrupted, pruned, running, unreadable.",
    ("--where", "best>high"): "best>high: high is neither a number nor a date such as 2026-11-21.",
    ("empty",): "There is no run in empty. A run's folder has a config.yaml and a summary.json.",
    ("nowhere",): "nowhere does not exist.",
    (
        "--limit",
        "-1",
    ): "dlrun runs: argument --limit: -1: it must be at least 0. Usage: dlrun runs [-h] [--json | --csv] "
    "[--where CONDITION [CONDITION ...]] [--sort KEY] [--reverse] [--limit N] [DIR ...]",
}


@pytest.mark.parametrize("argv", MISTAKES)
def test_a_mistake_gets_one_message(argv: tuple[str, ...], cli: Cli, four: None) -> None:
    Path("empty").mkdir()
    assert cli("runs", *argv) == (2, "", f"error: {MISTAKES[argv]}\n")
