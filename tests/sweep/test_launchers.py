"""Hydra's own launchers run dlrun's jobs: the same folders, the same leaderboard."""

import json
from pathlib import Path

import pytest
from runs import Cli


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local"])
def test_a_launcher_of_hydras(launcher: str, cli: Cli) -> None:
    if launcher != "basic":
        pytest.importorskip(f"hydra_plugins.hydra_{launcher.split('_')[0]}_launcher")
    options = {"joblib": ["hydra.launcher.n_jobs=2"], "submitit_local": ["hydra.launcher.timeout_min=2"]}
    code, out, err = cli(
        "-m", f"hydra/launcher={launcher}", *options.get(launcher, []),
        "optim.lr=0.03,10000", "trainer.epochs=2", "folder=s", "device=cpu",
    )  # fmt: skip
    assert code == 1, err
    rows = json.loads(Path("s/leaderboard.json").read_text())["jobs"]
    assert [(row["job"], row["status"]) for row in rows] == [(0, "completed"), (1, "diverged")]
    assert "error: 1 of 2 jobs failed; the first, job 1: The loss became" in err and "leaderboard" in out
    assert sorted(path.parent.name for path in Path("s").glob("*/summary.json")) == [
        "0-linear-synthetic_linear",
        "1-linear-synthetic_linear",
    ]
    code, _, err = cli("resume", "s")  # goes on with dlrun's own workers
    assert code == 1 and "nothing is left to run" in err
