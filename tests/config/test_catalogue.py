"""What conf/ says about its choices, held against what they are; and the keys that an older run gets of today."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from dlrun.config import catalogue
from dlrun.errors import UserError


@pytest.mark.parametrize("model", catalogue.choices("model"))
def test_a_model_needs_what_stands_before_its_star(model: str) -> None:
    """Read from the source, as the class itself says it."""
    from dlrun.config.bind import Spec, locate

    node = catalogue.read("model", model)
    required = Spec("model", locate("model", node["_target_"]), node).required()
    assert required and catalogue.needs(model) == set(required)


OWN: dict[
    str, tuple[str, str, dict[str, str]]
] = {  # a file for each reader of the user's own, and what is typed with it
    "text": ("a.txt", "It was a dark night. " * 9, {}),
    "labelled": ("a.csv", "text,label\n" + "fine,good\ndull,bad\n" * 9, {}),
    "pairs": ("a.tsv", "go on\tva\ngo\tva\n", {}),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "data", [name for name in catalogue.choices("data") if name in OWN or not catalogue.home_model(name)]
)
def test_every_task_offers_what_is_declared(data: str, tmp_path: Path) -> None:
    """Each pair is built, on the data's stand-in or a file: its sizes, or that the two don't go together."""
    from dlrun.config.assemble import group_spec
    from dlrun.files import stand_ins

    node = catalogue.read("data", data)
    if data in OWN:
        name, content, typed = OWN[data]
        (tmp_path / name).write_text(content)
        node = {**node, **typed, "path": str(tmp_path / name), "task": catalogue.home(data, group="data")["task"]}
    plan = group_spec("data", node, ())
    module = importlib.import_module(plan.target.__module__)
    files = {}
    if "files" in node:
        files["folder"], _ = stand_ins.stand_in(node["name"], module.STAND_IN)
    made = plan(**files)
    fits = set()
    for task in catalogue.choices("task"):
        try:
            measured = set(group_spec("task", catalogue.read("task", task), ())(schema=made.schema).sizes)
        except UserError:
            measured = set()
        assert catalogue.offers(data, task) == measured, task
        fits |= {task} if measured else set()
    assert catalogue.home(data, group="data").get("task", "regress") in fits


def test_every_dataset_and_task_is_declared() -> None:
    assert all(catalogue.holds(data) for data in catalogue.choices("data"))
    known = set().union(*map(catalogue.holds, catalogue.choices("data")))
    assert {kind for task in catalogue.choices("task") for kind in catalogue.takes(task)} >= known


# a config of an older run


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
