"""Runs that were made before a key existed are still opened, and it is said which values they take."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from runs import Cli, Run

from dlrun.config import catalogue


def aged(folder: Path, *lost: str) -> None:
    """Takes keys out of a run's config.yaml, as if they had not been there yet."""
    path = folder / "config.yaml"
    config = Run(folder).config
    for key in lost:
        *above, name = key.split(".")
        node = config
        for step in above:
            node = node[step]
        del node[name]
    path.write_text(yaml.safe_dump(config, sort_keys=False))


@pytest.mark.slow
def test_opened_with_today_s_values(cli: Cli) -> None:
    assert cli("model=point", "optim.lr=0.4", "device=cpu", "folder=run")[0] == 0
    code, out, err = cli("eval", "run", "--json")
    before = json.loads(out)
    assert code == 0 and "older" not in err
    aged(Path("run"), "init", "choices.init", "task.bound", "trainer.clip")
    code, out, err = cli("eval", "run", "--json")
    assert code == 0 and json.loads(out) == before
    assert "run is older than trainer.clip, init, task.bound: today's values are taken" in " ".join(err.split())
    assert cli("resume", "run", "trainer.epochs=22", "trainer.clip=1.0")[0] == 0
    saved = Run("run").config
    assert (saved["task"]["bound"], saved["trainer"]["clip"], saved["choices"]["init"]) == (1e3, 1.0, "default")


def old(**changes: Any) -> dict[str, Any]:
    names = {"model": "lenet", "scheduler": "onecycle", "trainer": "default", "init": "default"}
    return {group: catalogue.read(group, name) for group, name in names.items()} | {"choices": names} | changes


def test_what_is_there_stays() -> None:
    config = old(model=catalogue.read("model", "lenet") | {"dropout": 0.77})
    del config["model"]["pool"]
    taken = catalogue.fill_in(config)
    assert "model.pool" in taken and "model.dropout" not in taken
    assert config["model"]["dropout"] == 0.77 and config["model"]["pool"] == catalogue.read("model", "lenet")["pool"]


def test_what_is_not_known_for_sure_is_not_made_up() -> None:
    """The user's own choices, a class that has moved, a value that is composed of others."""
    own = {"_target_": "mine.Model"}
    assert "model" not in " ".join(catalogue.fill_in(config := old(model=dict(own))))
    assert config["model"] == own
    assert catalogue.fill_in(config := old(scheduler={"_target_": catalogue.read("scheduler", "onecycle")["_target_"]}))
    assert "max_lr" not in config["scheduler"] and config["scheduler"]["pct_start"] == 0.3
    config = old()
    config["choices"]["model"] = "nobody_s"
    del config["model"]["pool"]
    catalogue.fill_in(config)
    assert "pool" not in config["model"]


def test_numbers_are_numbers_to_every_reader() -> None:
    """Hydra reads 1e3 as a number, plain YAML as a word: values taken from the files themselves must be the same."""
    for group in catalogue.GROUPS:
        for name in catalogue.choices(group) if group != "experiment" else ():
            for key, value in catalogue.read(group, name).items():
                assert not (isinstance(value, str) and re.fullmatch(r"[-+.\deE]*\d[-+.\deE]*", value)), f"{group}.{key}"
