"""Whoever reads stdout or stderr may leave, close it, or have a full disk: no run stops for that, or fails to save."""

import json
import multiprocessing
from pathlib import Path

import pytest
import warm
from runs import Run

from dlrun.sweep.pool import warm_up

RUN = ["data.n=100", "trainer.epochs=3", "trainer.log_every_steps=1", "device=cpu", "folder=run"]
SWEEP = ["-m", "seed=0,1", "data.n=100", "trainer.epochs=1", "device=cpu", "folder=s"]
WAYS = [">&-", "2>&-", ">&- 2>&-", "<&-", "> /dev/full", "2> /dev/full", "&> /dev/full", "| left", "2>&1 | left"]


def code(folder: Path, way: str, *arguments: str) -> int | None:
    warm_up()
    process = multiprocessing.get_context("forkserver").Process(
        target=warm.redirected, args=(folder, way, list(arguments))
    )
    process.start()
    process.join(120)
    return process.exitcode


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.slow
def test_a_run_is_finished(way: str, tmp_path: Path) -> None:
    assert code(tmp_path, way, *RUN) == 0
    summary = Run(tmp_path / "run").summary
    assert summary["status"] == "completed" and summary["epoch"] == 3
    assert Run(tmp_path / "run").state()["trainer"]["epoch"] == 3
    assert "epoch 3/3" in (tmp_path / "run/run.log").read_text()
    assert "Traceback" not in (tmp_path / "stderr.txt").read_text()


@pytest.mark.parametrize("way", ["&> /dev/full", "2>&1 | left"])  # one that is closed is filled before anything begins
@pytest.mark.slow
def test_a_sweep_is_finished(way: str, tmp_path: Path) -> None:
    assert code(tmp_path, way, *SWEEP) == 0
    rows = json.loads((tmp_path / "s/leaderboard.json").read_text())["jobs"]
    assert [row["status"] for row in rows] == ["completed", "completed"]
    assert "leaderboard" not in (tmp_path / "stderr.txt").read_text()


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["--help"], ["--cfg", "job"], ["--version"]])
@pytest.mark.slow
def test_a_reader_that_left_is_no_error_and_a_full_disk_is(arguments: list[str], tmp_path: Path) -> None:
    assert code(tmp_path, "2>&1 | left", *arguments) == 0
    assert code(tmp_path, ">&-", *arguments) == 0
    assert (tmp_path / "stderr.txt").read_text() == ""
    assert code(tmp_path, "> /dev/full", *arguments) == 1
    assert (tmp_path / "stderr.txt").read_text() == (
        "error: The result can't be written to stdout: No space left on device.\n"
    )
