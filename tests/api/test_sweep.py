"""`dlrun.sweep` in a plain script: its workers never import the script, which has no `if __name__ == "__main__":`."""

import subprocess
import sys
from pathlib import Path

import pytest

import dlrun

SCRIPT = """
from pathlib import Path

with open("started", "a") as file:
    file.write("once\\n")
{before}
import dlrun
board = dlrun.sweep("model=linear", "data=airfoil", "stand_in=always", "device=cpu", "optim=adam",
                    "trainer.epochs=1", "optim.lr=0.01,{lr}", "launcher.workers=2", "folder=swept")
{after}
print(board.metric, len(board), board.best.status, board.best.folder.name)
"""
WAYS = {
    "forkserver": "",
    "spawn chosen by the script": "import multiprocessing; multiprocessing.set_start_method('spawn')",
    "spawn for our workers": "import dlrun.sweep.pool; dlrun.sweep.pool.METHOD = 'spawn'",
}


def script(folder: Path, before: str = "", after: str = "", lr: str = "0.03") -> subprocess.CompletedProcess[str]:
    path = folder / "script.py"
    path.write_text(SCRIPT.format(before=before, after=after, lr=lr))
    return subprocess.run([sys.executable, path], cwd=folder, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_script_without_a_guard_sweeps(way: str, tmp_path: Path) -> None:
    # To choose a method of its own afterwards is still the script's to do.
    after = "" if "chosen" in way else "import multiprocessing; multiprocessing.set_start_method('spawn')"
    done = script(tmp_path, WAYS[way], after)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "started").read_text() == "once\n"
    metric, count, status, best = done.stdout.split()
    assert (metric, count, status) == ("val/mse", "2", "completed")
    board = dlrun.Leaderboard(tmp_path / "swept")
    assert board.best.folder.name == best and [run.status for run in board] == ["completed"] * 2
    first, second = (run.summary["goal"]["best"] for run in board)
    assert first is not None and second is not None and first <= second and board.mode == "min"


@pytest.mark.slow
def test_a_job_that_diverges_is_in_the_table(tmp_path: Path) -> None:
    done = script(tmp_path, lr="1e30", after="print([run.status for run in board])")
    assert done.returncode == 0, done.stderr
    assert "1 of 2 jobs failed" in done.stderr and "rank" in done.stderr
    statuses, result = done.stdout.splitlines()
    assert statuses == str(["completed", "diverged"]) and result.startswith("val/mse 2 completed")


@pytest.mark.slow
def test_where_no_job_has_a_result_it_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("model=linear", "optim.lr=1e30,1e31", "launcher.workers=2", "folder=swept", "device=cpu")
    with pytest.raises(dlrun.RunFailed, match="2 of 2 jobs failed") as caught:
        dlrun.sweep(*words)
    assert caught.value.folder == tmp_path / "swept"
    with pytest.raises(dlrun.UserError, match="no run with a result"):
        _ = dlrun.Leaderboard("swept").best


def test_a_sweep_of_one_is_a_mistake() -> None:
    with pytest.raises(dlrun.UserError, match="Nothing to sweep over"):
        dlrun.sweep("model=linear")
