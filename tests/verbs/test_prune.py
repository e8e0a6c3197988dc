"""`dlrun prune`: it removes what was asked for, and nothing else."""

import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import filelock
import pytest
from runs import Cli

MakeRun = Callable[..., Path]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_checkpoints(cli: Cli, make_run: MakeRun) -> None:
    done, failed = make_run("outputs/done"), make_run("outputs/failed", status="failed")
    code, out, err = cli("prune", "--where", "status=completed", "--checkpoints", "--yes")
    assert (code, out, err) == (0, "Removed 1 checkpoint, 0.5 MB.\n", "")
    assert [path.name for path in (done / "checkpoints").iterdir()] == ["best.pt"]
    code, out, _ = cli("prune", "--where", "step>0", "--all-checkpoints", "--yes", "--json")
    assert code == 0 and json.loads(out)["bytes"] == 1_100_000 and len(json.loads(out)["removed"]) == 3
    assert [*(done / "checkpoints").iterdir(), *(failed / "checkpoints").iterdir()] == []
    assert (done / "summary.json").exists() and (done / "config.yaml").exists()


def test_runs_and_the_days_that_are_empty_then(cli: Cli, make_run: MakeRun, tmp_path: Path) -> None:
    make_run("outputs/2026-11-20/a", status="failed")
    make_run("outputs/2026-11-21/x-sweep/0-b", status="diverged")
    kept = make_run("outputs/2026-11-21/c")
    code, out, _ = cli("prune", "--where", "status=failed,diverged", "--runs", "--yes")
    assert code == 0 and out == "Removed 2 runs, 1.6 MB.\n"
    assert sorted(path.name for path in (tmp_path / "outputs").iterdir()) == ["2026-11-21"]
    assert kept.exists() and list((tmp_path / "outputs/2026-11-21/x-sweep").iterdir()) == []


@pytest.mark.parametrize(("answer", "left"), [("y\n", 0), ("yes\n", 0), ("n\n", 1), ("\n", 1), ("", 1), ("yikes\n", 1)])
def test_it_asks(answer: str, left: int, cli: Cli, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run("outputs/a", status="failed")
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    code, out, err = cli("prune", "--where", "status=failed", "--runs")
    assert code == 0 and "outputs/a  failed  0.8 MB" in err and err.endswith("Remove 1 run, 0.8 MB? [y/N] ")
    assert run.exists() == bool(left)
    assert out == ("Nothing was removed.\n" if left else "Removed 1 run, 0.8 MB.\n")


def test_without_a_terminal_it_removes_nothing(cli: Cli, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run("outputs/a", status="failed")
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    code, _, err = cli("prune", "--where", "status=failed", "--runs")
    assert code == 2 and run.exists()
    assert err.endswith("error: Remove 1 run, 0.8 MB? There is no terminal to ask at: add --yes.\n")


def test_a_running_one_is_never_touched(cli: Cli, make_run: MakeRun) -> None:
    """Neither one that says so, nor one that was resumed meanwhile, nor one that is just about to begin."""
    says, resumed, young = make_run("outputs/says", status="running"), make_run("outputs/resumed"), "outputs/young"
    make_run(young, status=None)
    with filelock.FileLock(says / ".lock"), filelock.FileLock(resumed / ".lock"):
        code, out, err = cli("prune", "--where", "status=running,completed", "--runs", "--yes")
    assert (code, out) == (0, "There is nothing to remove.\n")
    assert err == (
        "warning: left alone, as they are running: 2\nwarning: left alone, as it is running now: outputs/resumed\n"
    )
    assert (says / "config.yaml").exists() and (resumed / "config.yaml").exists() and Path(young).exists()


def test_links_are_never_followed(cli: Cli, make_run: MakeRun, tmp_path: Path) -> None:
    elsewhere = make_run("elsewhere/run", status="failed")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("keep")
    run = make_run("outputs/a", status="failed")
    (run / "data").symlink_to(tmp_path / "precious")
    (tmp_path / "outputs" / "link").symlink_to(elsewhere)
    linked = make_run("outputs/linked")
    os.rename(linked / "checkpoints", tmp_path / "store")
    (linked / "checkpoints").symlink_to(tmp_path / "store")
    where = ["--where", "step>0", "--yes"]
    cli("prune", *where, "--all-checkpoints")
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == ["best.pt", "last.pt"]
    cli("prune", "--where", "status=failed", "--yes", "--runs")
    assert not run.exists() and (tmp_path / "precious" / "file").exists() and elsewhere.exists()
    (tmp_path / "disk").symlink_to(tmp_path / "elsewhere")
    code, _, err = cli("prune", "disk", *where, "--runs")
    assert code == 2 and elsewhere.exists()
    assert err == f"error: disk is a link, and prune follows none. Type where it leads: {tmp_path / 'elsewhere'}\n"


def test_what_is_no_run_stays(cli: Cli, make_run: MakeRun, tmp_path: Path) -> None:
    """A folder of configs has a config.yaml as well; and a run in which another one lies is no longer its own."""
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "config.yaml").write_text("model: {}\n")
    os.utime(conf / "config.yaml", (0, 0))
    outer = make_run("runs/outer", status="failed")
    make_run("runs/outer/inner", status="completed")
    code, out, err = cli("prune", ".", "--where", "status=failed", "--runs", "--yes")
    assert (code, out) == (0, "There is nothing to remove.\n")
    assert err == "warning: left alone, as other runs lie in it: runs/outer\n"
    assert (conf / "config.yaml").exists() and (outer / "inner" / "config.yaml").exists()


def test_mistakes(cli: Cli, make_run: MakeRun) -> None:
    make_run("outputs/a")
    assert cli("prune", "--runs")[2] == (
        "error: prune needs --where, so that nothing goes by mistake. For example: --where status=failed\n"
    )
    assert "one of the arguments --checkpoints --all-checkpoints --runs is required" in cli("prune")[2]
    assert cli("prune", "--runs", "--where", "stats=failed")[2].startswith(
        "error: No run has stats. Did you mean status"
    )
    assert cli("prune", "--runs", "--where", "status=failed", "--yes")[:2] == (0, "There is nothing to remove.\n")
