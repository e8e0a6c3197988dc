"""`--json` on a training command: one object is all that stdout gets, however it ends."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import warm
from runs import Cli, Run

KEYS = ["status", "goal", "mode", "best", "best_step", "metrics", "folder", "duration_s", "error"]


def told(cli: Cli, *words: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the object, stderr; stdout must hold nothing else."""
    code, out, err = cli("--json", *words)
    assert out.count("\n") == 1
    return code, json.loads(out), err


def test_a_run_that_ends_well(cli: Cli) -> None:
    code, found, err = told(cli, "trainer.epochs=2", "folder=run")
    summary = Run("run").summary
    assert code == 0 and list(found) == KEYS
    assert (found["status"], found["folder"], found["error"]) == ("completed", "run", None)
    assert {"metric": found["goal"], "mode": found["mode"], **{key: found[key] for key in ("best", "best_step")}} == (
        summary["goal"]
    )
    assert found["metrics"] == summary["metrics"] and found["duration_s"] == summary["duration_s"]
    assert "epoch 2/2" in err and "dlrun resume run" in err
    assert "overrides" in summary and "--json" not in summary["overrides"]


def test_a_run_that_diverges(cli: Cli) -> None:
    code, found, err = told(cli, "optim.lr=100", "trainer.epochs=50", "folder=run")
    assert code == 1 and list(found) == KEYS
    assert (found["status"], found["folder"], found["best"]) == ("diverged", "run", None)
    assert found["error"].startswith("The loss became") and f"error: {found['error']}" in err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["model=lsmt"], "There is no model lsmt. Did you mean lstm?"),
        (["--epochs", "5"], "There is no flag --epochs. Type trainer.epochs=5"),
        (["--cfg", "job"], "--cfg trains nothing: leave --dry-run and --json out."),
        (["optim.lr=-1", "--dry-run"], "optim.lr=-1: it must be at least 0."),
        (["folder=file/run"], "The run's folder file/run can't be made"),
        (["-m", "optim.lr=0.1"], "Nothing to sweep over."),
    ],
)
def test_a_mistake(cli: Cli, tmp_path: Path, words: list[str], error: str) -> None:
    (tmp_path / "file").write_text("")
    code, found, err = told(cli, *words)
    assert code == 2 and list(found) == KEYS
    assert (found["status"], found["folder"], found["metrics"]) == ("error", None, {})
    assert found["error"].startswith(error) and err == f"error: {found['error']}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_data_that_can_not_be_had(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLRUN_DATA", "/dev/null/nowhere")
    monkeypatch.setenv("DLRUN_MIRRORS", str(tmp_path))
    code, found, _ = told(cli, "data=airfoil", "stand_in=never")
    assert (code, found["status"]) == (3, "error") and "can not be used" in found["error"]


def test_what_ones_own_code_prints_goes_to_stderr(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "loud_package.py").write_text(
        "import os\nfrom torch import nn\n\nclass Loud(nn.Linear):\n"
        "    def __init__(self, in_features: int, outputs: int):\n"
        "        super().__init__(in_features, outputs)\n        print('loud in Python')\n"
        "        os.write(1, b'loud in C\\n')\n"
    )
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "loud.yaml").write_text("_target_: loud_package.Loud\n")
    words = ["--config-dir", "conf", "trusted=[loud_package]", "model=loud", "trainer.epochs=1", "folder=run"]
    code, found, err = told(cli, *words)
    assert (code, found["status"]) == (0, "completed")
    assert "loud in Python" in err and "loud in C" in err
    assert cli("--version")[1].startswith("dlrun ")  # stdout is itself again


def test_the_flags_are_named_where_one_looks(cli: Cli) -> None:
    for words in (("--help",), ("--hydra-help",)):
        out = cli(*words)[1]
        assert "--dry-run" in out and "--json" in out


@pytest.mark.slow
def test_a_run_that_is_interrupted(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    process = warm.start(tmp_path, "--json", "trainer.epochs=100000", "folder=run", "trainer.log_every_steps=10")
    warm.wait_until(lambda: run.step > 50, process)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    output = warm.end(tmp_path, process, 130)
    (line,) = [each for each in output.splitlines() if each.startswith("{")]
    found = json.loads(line)
    assert (found["status"], found["folder"]) == ("interrupted", "run")
    assert found["error"] == f"Stopped at step {run.summary['step']}. Go on: dlrun resume run"


@pytest.mark.slow
def test_a_sweep_tells_its_leaderboards_head(cli: Cli) -> None:
    words = ["-m", "optim.lr=0.01,0.03,100", "trainer.epochs=2", "folder=sweep", "launcher.workers=2"]
    code, found, err = told(cli, *words)
    board = json.loads(Path("sweep/leaderboard.json").read_text())
    assert code == 1 and found["status"] == "failed"
    assert found["jobs"] == {"completed": 2, "diverged": 1} and found["folder"] == "sweep"
    assert found["leaderboard"] == board["jobs"] and found["best"] == board["jobs"][0]["best"]
    assert (found["goal"], found["mode"], found["common"]) == ("val/mse", "min", ["trainer.epochs=2"])
    assert found["error"].startswith("1 of 3 jobs failed") and "leaderboard" in err and found["duration_s"] > 0
    assert "--json" not in json.loads(Path("sweep/sweep.json").read_text())["command"]
    code, _, err = cli("resume", "sweep")
    assert code == 1 and "is complete: nothing is left to run" in err
