"""What may be typed: any text as a folder, options in any order, a run that moves to another device."""

import json
from pathlib import Path

import pytest
from runs import Cli

from dlrun import memory
from dlrun.errors import UserError

QUICK = ("trainer.epochs=1", "data.n=30")


@pytest.mark.parametrize(
    "name", ["中文", "é è", "it's", 'a"b', "a(b", "100%", "a=b", "a:b", "[x", "back\\slash", "$HOME"]
)
def test_any_text_names_a_folder(name: str, cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli(*QUICK, f"folder={name}")
    assert code == 0, err
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert cli("eval", name)[0] == 0


def test_a_run_moves_to_another_device(cli: Cli, tmp_path: Path) -> None:
    cli(*QUICK, "folder=run", "device.precision=bf16")
    code, _, err = cli("resume", "run", "trainer.epochs=2", "device=cpu")
    assert code == 0, err
    config = (tmp_path / "run" / "config.yaml").read_text()
    assert "name: cpu" in config and "precision: bf16" in config
    assert cli("rerun", "run", "device=cpu", "folder=again")[0] == 0


def test_options_stand_anywhere(cli: Cli) -> None:
    cli(*QUICK, "folder=run")
    code, _, err = cli("resume", "run", "--trust", "mine", "trainer.epochs=2")
    assert code == 0, err
    code, out, _ = cli("predict", "--json", "run", "-1,2", "-.5,3")
    assert code == 0 and [each["input"] for each in json.loads(out)] == ["-1,2", "-.5,3"]
    assert cli("--cfg", "job", "seed=1")[0] == cli("seed=1", "--cfg", "job")[0] == 0


@pytest.mark.parametrize("seed", [2**63 - 1, -(2**63)])
def test_the_ends_of_a_seeds_range_train(seed: int, cli: Cli) -> None:
    assert cli(*QUICK, f"seed={seed}", f"data.seed={seed}", "folder=run")[0] == 0


def test_what_a_container_leaves_counts(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 900 kB\nMemAvailable: 500 kB\nSwapFree: 100 kB\n")
    assert memory.available(tmp_path) == 600 * 1024
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    for name, text in (("max", "400000"), ("current", "300000"), ("stat", "anon 1\ninactive_file 50000\n")):
        (group / f"memory.{name}").write_text(text)
    assert memory.available(tmp_path) == 400_000 - 300_000 + 50_000
    (group / "memory.max").write_text("max\n")
    assert memory.available(tmp_path) == 600 * 1024


def test_what_fits_is_not_refused() -> None:
    there = memory.available()
    assert there is not None
    memory.ask_for(there // 2, "half of it")
    with pytest.raises(UserError, match="twice would take .* GB of memory"):
        memory.ask_for(max(2 * there, memory.NOTICED), "twice")


@pytest.mark.slow
def test_a_sweep_is_no_run_and_names_its_jobs(cli: Cli) -> None:
    assert cli("-m", *QUICK, "optim.lr=0.1,0.01", "folder=sweep")[0] == 0
    assert (
        "sweep is a sweep. Type one of its runs; the best is sweep/0-linear-synthetic_linear" in cli("eval", "sweep")[2]
    )
    code, _, err = cli("resume", "--extend", "optim.lr=0.3", "sweep")
    assert code == 0, err
