"""`last` as the start of a sweep's jobs."""

import json
from pathlib import Path

import pytest
from runs import Cli, Run

MLP = ["model=mlp", "data=airfoil", "model.hidden=[8]", "stand_in=always", "device=cpu", "trainer.max_steps=4"]
STILL = ["optim=sgd", "optim.lr=0"]  # after a step the weights are those that it started from


@pytest.mark.slow
@pytest.mark.parametrize("where", ["typed", "conf/sweep"])
def test_last_of_a_sweep_is_one_run_for_all_its_jobs(where: str, cli: Cli) -> None:
    """The newest when the sweep begins: also for a search that goes on, whose own jobs are newer by then."""
    assert cli(*MLP)[0] == 0
    [before] = [str(path.parent) for path in Path("outputs").glob("*/*/config.yaml")]
    Path("conf/sweep").mkdir(parents=True)
    Path("conf/sweep/mine.yaml").write_text("optim.lr: 0.01,0.02\ntrainer.init_from: last\n")
    words = {"typed": ["trainer.init_from=last", "optim.lr=0.01,0.02"], "conf/sweep": ["sweep=mine"]}[where]
    found = ["--config-dir", "conf"] if where == "conf/sweep" else []
    search = [] if found else ["hydra/sweeper=optuna", "hydra.sweeper.trials=2"]
    assert cli("-m", *MLP, *words, *found, *search, "launcher.workers=1", "folder=outputs/s")[0] == 0
    facts = Path("outputs/s/sweep.json")
    facts.write_text(facts.read_text().replace("trials=2", "trials=3"))
    more = ["--extend", "optim.lr=0.01,0.02,0.03"] if found else []
    assert cli("resume", "outputs/s", *more, *found)[0] == 0
    runs = sorted(Path("outputs/s").glob("*/config.yaml"))
    assert [Run(path.parent).config["trainer"]["init_from"] for path in runs] == [before] * 3
    rows = json.loads(Path("outputs/s/leaderboard.json").read_text())["jobs"]
    assert all(f"trainer.init_from={before}" in row["overrides"] for row in rows)
