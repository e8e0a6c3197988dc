"""Ctrl-C and SIGTERM after every single file operation of what writes files for the user: nothing half made is left."""

import multiprocessing
import shutil
import signal
from pathlib import Path

import pytest
import warm
from chaos import faulty

from dlrun.sweep.pool import warm_up

TABLE = "size,price\n" + "".join(f"{number % 7},{number % 7 * 2 + number % 3}\n" for number in range(60))
WRITTEN = {
    "export": ["export", "../run", "--to", "safetensors", "--output", "made/out"],
    "export again": ["export", "../run", "--to", "safetensors", "--output", "there"],
    "vectors": ["export", "../words", "--to", "npy", "--output", "vectors.npy"],
    "predict": ["predict", "../run", "../houses.csv", "--to", "answers.csv"],
    "new": ["new", "made/mine"],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on a table of its own, and one with word vectors."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "houses.csv").write_text(TABLE)
    short = ["device=cpu", "trainer.max_steps=2"]
    own = ["data=houses.csv", "data.target=price", "model=linear", *short, "folder=run"]
    warm.end(folder, warm.start(folder, *own))
    vectors = ["model=skipgram", "model.embed=4", "task.min_count=1", "stand_in=always", "trainer.limit_batches=2"]
    warm.end(folder, warm.start(folder, *vectors, *short, "folder=words"))
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def prepared(here: Path, name: str) -> dict[str, bytes]:
    """What lies there before: for two of the commands files that they write anew."""
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir()
    (here / "answers.csv").write_text("mine\n")
    if name == "export again":
        warm.end(here, warm.start(here, *WRITTEN[name]))
        (here / "output.txt").unlink()
        (here / "there/config.json").write_text("{}\n")
    return files(here)


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", WRITTEN)
def test_after_every_operation(name: str, stop: signal.Signals, home: Path) -> None:
    """No file and no folder more, and each that was there is as it was, or whole and new."""
    warm_up()
    start, here, tried, seen = multiprocessing.get_context("forkserver").Process, home / "here", 0, []
    while True:
        before = prepared(here, name)
        process = start(target=faulty.stopped, args=(here, tuple(WRITTEN[name]), tried + 1, stop))
        process.start()
        process.join(120)
        left = files(here)
        if process.exitcode == 0:
            break
        assert process.exitcode == 128 + stop, here.with_suffix(".txt").read_text()
        assert left.keys() == before.keys(), f"operation {tried + 1} leaves {sorted(left.keys() ^ before.keys())}"
        seen.append((before, left))
        tried += 1
    assert tried >= 3 and left != before
    assert all(each[path] in (before[path], left[path]) for before, each in seen for path in each)
