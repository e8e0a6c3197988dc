"""What is done from Python: words as they would be typed; sweeps in a plain script, whose workers never import it.

Such a script has no `if __name__ == "__main__":`.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import dlrun
from dlrun.api import actions

SCRIPT = """
from pathlib import Path

with open("started", "a") as file:
    file.write("once\\n")
{before}
import dlrun
board = dlrun.sweep("model=linear", "data=airfoil", "stand_in=always", "device=cpu", "optim=adam",
                    "trainer.epochs=1", "optim.lr=0.01,0.03", "launcher.workers=2", "folder=swept")
{after}
print(board.metric, len(board), board.best.status, board.best.folder.name)
"""
WAYS = {
    "forkserver": "",
    "spawn chosen by the script": "import multiprocessing; multiprocessing.set_start_method('spawn')",
    "spawn for our workers": "import dlrun.sweep.pool; dlrun.sweep.pool.METHOD = 'spawn'",
}


def script(folder: Path, before: str = "", after: str = "") -> subprocess.CompletedProcess[str]:
    path = folder / "script.py"
    path.write_text(SCRIPT.format(before=before, after=after))
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
def test_a_job_that_diverges_is_in_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    board = dlrun.sweep("model=linear", "optim.lr=0.01,1e30", "trainer.epochs=1", "device=cpu", "folder=swept")
    out, err = capfd.readouterr()
    assert out == "" and "1 of 2 jobs failed" in err and "rank" in err
    assert [run.status for run in board] == ["completed", "diverged"] and (board.metric, len(board)) == ("val/mse", 2)


@pytest.mark.slow
def test_where_no_job_has_a_result_it_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("model=linear", "optim.lr=1e30,1e31", "launcher.workers=2", "folder=swept", "device=cpu")
    with pytest.raises(dlrun.RunFailed, match="2 of 2 jobs failed") as caught:
        dlrun.sweep(*words)
    assert caught.value.folder == tmp_path / "swept"
    with pytest.raises(dlrun.UserError, match="no run with a result"):
        _ = dlrun.Leaderboard("swept").best


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: dlrun.sweep("model=linear"), "Nothing to sweep over"),
        (lambda: dlrun.train("model=linear,mlp"), "model=linear,mlp has several values."),
        (lambda: dlrun.train("--json"), "^--json is a flag of the command line. In Python: dlrun.sweep"),
        (lambda: dlrun.sweep("-m", "seed=0,1"), "^-m is a flag of the command line."),
        (lambda: dlrun.train(3), '^3 is no word of the command line, such as "model=lstm"'),  # type: ignore[arg-type]
        (lambda: dlrun.train(["model=lstm"]), "is no word of the command line"),  # type: ignore[arg-type]
        (lambda: dlrun.train("trian"), "trian is no KEY=VALUE."),
        (lambda: dlrun.train("model=linear", config_dir="nowhere"), "^--config-dir nowhere: there is no such folder.$"),
        (lambda: dlrun.train("model=linear", trust=["os"]), "^trusted=.os.: os is no package of yours"),
        (lambda: dlrun.runs(where="status=finished"), "^There is no status finished."),
        (lambda: dlrun.runs("nowhere"), "^nowhere does not exist.$"),
    ],
)
def test_a_mistake_is_a_user_error_and_leaves_nothing(
    call: Callable[[], object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(dlrun.UserError, match=said):
        call()
    assert list(tmp_path.iterdir()) == []


def test_words_are_those_that_would_be_typed() -> None:
    typed = ["model=mine", "trusted=[a,b]", "--config-dir", "my conf"]
    assert actions.words(("model=mine",), ["a", "b"], Path("my conf")) == typed
    assert actions.words(("model=mine",), "a", None) == ["model=mine", "trusted=[a]"]  # type: ignore[arg-type]
    assert actions.words((), (), None) == []
