"""Sweeps and searches over a file of the user's own that is another one, or gone, when they go on."""

import shutil
from pathlib import Path

import pytest
import warm
from runs import Cli, Run

OWN = ["-m", "data=houses.csv", "data.target=price", "model=linear", "device=cpu", "launcher.workers=1", "folder=s"]
SEARCH = ["hydra/sweeper=optuna", "hydra.sweeper.trials=4", "optim.lr=interval(0.001,0.1)"]


def houses(path: Path, slope: float) -> None:
    lines = ["size,price", *(f"{number % 17},{slope * (number % 17) + number % 3}" for number in range(90))]
    path.write_text("\n".join(lines) + "\n")


def states(sweep: Path) -> list[str]:
    found = sorted(sweep.glob("[0-9]-*"), key=lambda path: path.name)
    return [Run(job).summary["status"] for job in found if (job / "summary.json").exists()]


def rates(sweep: Path) -> list[float]:
    return [Run(path.parent).config["optim"]["lr"] for path in sorted(sweep.glob("*/config.yaml"))]


@pytest.mark.slow
def test_a_killed_search_waits_for_its_file_and_draws_no_value_twice(cli: Cli, tmp_path: Path) -> None:
    """Refused once, with no trial used up for it."""
    houses(tmp_path / "houses.csv", 2.0)
    process = warm.start(tmp_path, *OWN, *SEARCH, "trainer.epochs=200", "trainer.log_every_steps=1")
    second = tmp_path / "s/1-linear-houses/metrics.jsonl"
    warm.wait_until(lambda: second.exists() and second.read_text().count("\n") > 3, process)
    warm.kill_all(process)
    shutil.copy("houses.csv", "kept.csv")
    houses(tmp_path / "houses.csv", 3.0)
    code, _, err = cli("resume", "s")
    assert (code, err) == (
        2,
        "error: houses.csv is not the file that s/0-linear-houses was trained on: its digest differs, and a sweep "
        "stays with one. Put that one back, then type: dlrun resume s\n",
    )
    Path("houses.csv").unlink()
    code, _, err = cli("resume", "s")
    assert code == 2 and f"data.path={tmp_path}/houses.csv: there is no such file or folder." in err
    assert states(Path("s")) == ["completed", "running"] and len(Path("s/jobs.jsonl").read_text().splitlines()) == 2
    shutil.move("kept.csv", "houses.csv")
    assert cli("resume", "s")[0] == 0
    assert states(Path("s")) == ["completed"] * 4 and len(set(rates(Path("s")))) == 4
    Path("houses.csv").unlink()
    assert cli("resume", "s")[0] == 0  # nothing is left to be read


@pytest.mark.slow
def test_a_grid_waits_for_its_file(cli: Cli, tmp_path: Path) -> None:
    houses(tmp_path / "houses.csv", 2.0)
    assert cli(*OWN, "optim.lr=0.01,0.02", "trainer.epochs=1")[0] == 0
    shutil.rmtree("s/1-linear-houses")
    houses(tmp_path / "houses.csv", 3.0)
    code, _, err = cli("resume", "s")
    assert code == 2 and "houses.csv is not the file that s/0-linear-houses was trained on" in err
    assert states(Path("s")) == ["completed"]
    houses(tmp_path / "houses.csv", 2.0)
    assert cli("resume", "s")[0] == 0 and states(Path("s")) == ["completed"] * 2
