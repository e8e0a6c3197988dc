"""Old names: answered on the command line, and read where a run of before has them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from dlrun import renamed

Cli = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("old", renamed.KEYS)
def test_an_old_key_names_the_new_one(old: str, cli: Cli) -> None:
    code, _, err = cli(f"{old}=1", "model=lstm" if old.startswith("model") else "model=lenet")
    assert code == 2 and err == f"error: {old} is now {renamed.KEYS[old]}. Type {renamed.KEYS[old]}=…\n"


def test_an_old_key_of_a_saved_run(cli: Cli) -> None:
    assert cli("trainer.max_steps=1", "folder=run")[0] == 0
    code, _, err = cli("resume", "run", "task.shift=1")
    assert code == 2 and "task.shift is now task.random_shift" in err


OLD = {
    "label_smoothing": 0.1,
    "max_len": None,
    "auxiliary_weight": 0.3,
    "shift": 1,
    "flip": True,
    "erase": 0,
    "test_flip": False,
    "test_shift": 0,
}
CLASSIFY = {"_target_": "dlrun.task.classify.Classify", **OLD}


def test_a_classifier_of_before_goes_on(cli: Cli) -> None:
    """A run of images from when one task had all options: the same answers, and it goes on."""
    typed = ["model=mlp", "stand_in=always", "device=cpu", "trainer.limit_batches=4", "folder=run"]
    options = ["task.random_shift=1", "task.random_flip=true", "task.label_smoothing=0.1"]
    assert cli(*typed, *options, "trainer.epochs=1")[0] == 0
    path = Path("run/config.yaml")
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    before = cli("eval", "run", "--json")[1]
    config["task"], config["choices"]["task"] = dict(CLASSIFY), "classify"
    path.write_text(yaml.safe_dump(config))
    assert cli("eval", "run", "--json")[1] == before
    assert cli("resume", "run", "trainer.epochs=2")[0] == 0
    task = yaml.safe_load(path.read_text())["task"]
    assert task["_target_"].endswith("ClassifyImages") and task["random_shift"] == 1 and "max_len" not in task


@pytest.mark.parametrize(
    ("data", "changed", "name"),
    [
        ("dlrun.data.imdb.load", {}, "classify_texts"),
        ("mine.load", {"max_len": 5}, "classify_texts"),
        ("mine.load", {"flip": True}, "classify_images"),
        ("mine.load", {}, "classify"),
    ],
)
def test_which_classifier_it_was(data: str, changed: dict[str, Any], name: str) -> None:
    task = CLASSIFY | {"shift": 0, "flip": False} | changed
    config: dict[str, Any] = {"task": task, "data": {"_target_": data}, "model": {}, "choices": {"task": "classify"}}
    renamed.renew(config)
    assert config["choices"]["task"] == name and config["task"]["_target_"].startswith(f"dlrun.task.{name}.")
