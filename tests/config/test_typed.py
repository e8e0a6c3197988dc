"""What may be typed: any text as a folder, options in any order, a run that moves to another device."""

import json
from pathlib import Path

import pytest
from runs import Cli

from dlrun.config import compose

QUICK = ("trainer.epochs=1", "data.n=30")


@pytest.mark.parametrize(
    "name",
    [
        "中文",
        "é è",
        "it's",
        'a"b',
        "a(b",
        "100%",
        "a=b",
        "a:b",
        "[x",
        "back\\slash",
        "$HOME",
        "~",
    ],
)
def test_any_text_names_a_folder(name: str) -> None:
    """As it stands. Runs in folders of such names: tests/run/test_folder.py."""
    assert compose.Composer(compose.read([f"folder={name}"])).one().config["folder"] == name


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
