"""What the tests of sweeps share: a package of the user's own, and a sweep's folder without training."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlrun.config.compose import Composed
from dlrun.sweep.folder import Job, SweepDir

FACTS = {"kind": "grid", "command": ["optim.lr=1,2"], "launcher": {}, "workers": {}}
CONFIG = {"choices": {"model": "linear", "data": "ptb"}, "seed": 0, "folder": "s", "data": {"_target_": "some.load"}}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes my_package with a class Mine, and my_conf with `model=mine`; worker processes find it as well."""

    def write(code: str, options: str = "") -> None:
        folder, conf = tmp_path / "my_package", tmp_path / "my_conf" / "model"
        folder.mkdir()
        conf.mkdir(parents=True)
        (folder / "__init__.py").write_text(code)
        (conf / "mine.yaml").write_text(
            "# @package _global_\ndefaults:\n  - override /data: synthetic_linear\n"
            f"model:\n  _target_: my_package.Mine\n{options}"
        )
        monkeypatch.delitem(sys.modules, "my_package", raising=False)  # another test's
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return write


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[SweepDir, list[Job]]]:
    """`ended({"optim.lr=1 seed=0": 0.5})` -> s, whose jobs came to these values; None: it diverged, "": it waits."""
    monkeypatch.chdir(tmp_path)

    def make(bests: dict[str, float | str | None], metric: str = "val/mse") -> tuple[SweepDir, list[Job]]:
        sweep = SweepDir.create(Path("s"), FACTS)
        jobs = [sweep.job(number, Composed(typed.split(), CONFIG)) for number, typed in enumerate(bests)]
        sweep.add(jobs)
        for job, best in zip(jobs, bests.values(), strict=True):
            if best != "":
                end(job, best, metric)
        return sweep, jobs

    return make


def end(job: Job, best: Any, metric: str) -> None:
    """Its files, as a run leaves them."""
    goal = {"metric": metric, "mode": "max" if metric.endswith("accuracy") else "min", "best": best, "best_step": 1}
    job.run.path.mkdir()
    job.run.write_config(job.config)
    status = "diverged" if best is None else "completed"
    error = "The loss became nan." if best is None else None
    job.run.write_summary(
        {"status": status, "goal": goal, "metrics": {metric: best}, "duration_s": 1.5, "error": error}
    )
