"""Every write can fail once: one message, exit code 1, no checkpoint damaged, and `resume` makes the same bits."""

import multiprocessing
import os
import shutil
from pathlib import Path

import pytest
import warm
from chaos import faulty
from runs import Run, alike

from dlrun.sweep.pool import warm_up

POINTS = int(os.environ.get("DLRUN_FAULTS", "4"))  # of the operations one after the other; 0: all
RUN = ["data.n=60", "trainer.epochs=2", "trainer.log_every_steps=5", "trainer.checkpoint_every_epochs=1", "device=cpu"]


def dlrun(home: Path, number: int, error: int, *arguments: str) -> tuple[int | None, str]:
    """Exit code and what it printed, of a process whose operation of that number fails."""
    (home / "failed.txt").unlink(missing_ok=True)
    warm_up()
    start = multiprocessing.get_context("forkserver").Process
    process = start(target=faulty.run, args=(home, arguments, number, error))
    process.start()
    process.join(120)
    return process.exitcode, (home / "output.txt").read_text()


def temporary(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*") if path.is_file() and not path.name.endswith("lock")]


@pytest.mark.parametrize("name", faulty.ERRORS)
@pytest.mark.slow
def test_every_operation_of_a_run(name: str, tmp_path: Path) -> None:
    warm.end(tmp_path, warm.start(tmp_path, *RUN, "folder=whole"))
    whole = Run(tmp_path / "whole").weights()
    tried, number = 0, 0
    while True:
        number += 1 if POINTS == 0 else 1 + 3 * (list(faulty.ERRORS).index(name) + tried) // 2
        run = tmp_path / "run"
        shutil.rmtree(run, ignore_errors=True)
        code, output = dlrun(tmp_path, number, faulty.ERRORS[name], *RUN, "folder=run")
        if not (tmp_path / "failed.txt").exists():
            break  # it has fewer operations than that
        failed = f"operation {number}, {(tmp_path / 'failed.txt').read_text()} with {name}: {output}"
        assert "Traceback" not in output and code in ((0,) if name == "short" else (0, 1, 2)), failed
        assert temporary(run) == [], failed
        for path in run.glob("checkpoints/*.pt"):
            Run(run).state(path.stem)
        if code:
            assert "error: " in output.splitlines()[-1], failed
            assert code == 1 or not run.exists(), failed
        if (run / "checkpoints/last.pt").exists():
            if Run(run).summary["status"] != "completed":
                warm.end(tmp_path, warm.start(tmp_path, "resume", "run"))
            assert alike(Run(run).weights(), whole), failed
        tried += 1
        if POINTS and tried == POINTS:
            break
    assert tried >= 4


TINY = ["data.n=30", "trainer.epochs=1", "device=cpu"]
OTHERS = {
    "eval": ["eval", "whole"],
    "resume": ["resume", "whole", "trainer.epochs=3"],
    "a sweep": ["-m", *TINY, "seed=0,1", "launcher.workers=1", "folder=run"],
    "a search": [
        "-m",
        *TINY,
        "hydra/sweeper=optuna",
        "hydra.sweeper.trials=2",
        "optim.lr=interval(0.01,0.1)",
        "folder=run",
    ],
    "a stand-in": ["data=airfoil", "stand_in=always", "trainer.max_steps=1", "device=cpu", "folder=run"],
}


@pytest.mark.parametrize("verb", OTHERS)
@pytest.mark.slow
def test_every_operation_of_other_commands(verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC at each in turn: no traceback, and the same command then does what it should. Of a sweep its own."""
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path / "data"))
    tried, number = 0, 0
    while not POINTS or tried < POINTS:
        number += 1 if POINTS == 0 else 3
        for name in ("run", "whole", "data"):
            shutil.rmtree(tmp_path / name, ignore_errors=True)
        warm.end(tmp_path, warm.start(tmp_path, *RUN, "folder=whole"))
        code, output = dlrun(tmp_path, number, faulty.ERRORS["ENOSPC"], *OTHERS[verb])
        if not (tmp_path / "failed.txt").exists():
            break
        failed = f"operation {number}, {(tmp_path / 'failed.txt').read_text()}: {output}"
        assert "Traceback" not in output and "mistake of dlrun" not in output and code in (0, 1, 2, 3), failed
        assert (verb != "eval") or (code == 0 and "test/mse" in output), failed
        begun = (tmp_path / "run/jobs.jsonl").exists() and (tmp_path / "run/jobs.jsonl").stat().st_size
        again = ["resume", "run"] if begun and (tmp_path / "run/sweep.json").exists() else OTHERS[verb]
        if not begun:
            shutil.rmtree(tmp_path / "run", ignore_errors=True)
        if verb not in ("a stand-in",) or not (tmp_path / "run").exists():
            warm.end(tmp_path, warm.start(tmp_path, *again))
        assert [name for name in temporary(tmp_path) if "tmp" in name] == [], failed
        tried += 1
    assert tried >= 1
