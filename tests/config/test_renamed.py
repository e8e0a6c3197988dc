"""Old names: answered on the command line, and read where a run of before has them."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from runs import Cli, Run

from dlrun.config import catalogue, renamed


@pytest.mark.parametrize("old", renamed.KEYS)
def test_an_old_key_names_the_new_one(old: str, cli: Cli) -> None:
    code, _, err = cli(f"{old}=1", "model=lstm" if old.startswith("model") else "model=lenet")
    assert code == 2 and err == f"error: {old} is now {renamed.KEYS[old]}. Type {renamed.KEYS[old]}=…\n"


@pytest.mark.parametrize(("group", "old"), renamed.CHOICES)
def test_an_old_choice_names_the_new_one(group: str, old: str, cli: Cli) -> None:
    code, _, err = cli(f"{group}={old}")
    new = f"{group}={renamed.CHOICES[group, old]}"
    assert code == 2 and err == f"error: {group}={old} is now {new}. Type {new}\n"


def test_no_old_name_means_something_today() -> None:
    for key in renamed.KEYS:
        group, _, name = key.partition(".")
        assert all(name not in catalogue.read(group, choice) for choice in catalogue.choices(group)), key
    assert all(old not in catalogue.choices(group) for group, old in renamed.CHOICES)


def test_a_key_of_ones_own_model_keeps_its_name() -> None:
    config: dict[str, Any] = {"model": {"_target_": "mine.Net", "widths": [3]}, "task": {}, "choices": {}}
    renamed.renew(config)
    assert config["model"]["widths"] == [3]


OLD_MODELS = {  # a model of today, its options that had other names, and what it was
    "translator": ("transformer", {"embed": "width"}, "dlrun.model.translator.Translator"),
    "transformer": ("transformer_lm", {}, "dlrun.model.transformer.Transformer"),
    "text_transformer": (
        "transformer_classifier",
        {"feed_forward": "feedforward"},
        "dlrun.model.text_transformer.TextTransformer",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("old", OLD_MODELS)
def test_a_model_of_before_is_opened(old: str, cli: Cli) -> None:
    """Its config and its weights under their old names give the same evaluation."""
    new, options, target = OLD_MODELS[old]
    typed = ["stand_in=always", "device=cpu", "trainer.max_steps=2", "trainer.limit_batches=2", "folder=run"]
    small = ["model.layers=1", "model.embed=8", "model.heads=2", "model.feed_forward=8", "batch_size=100"]
    assert cli(f"model={new}", *small, *typed)[0] == 0
    before = cli("eval", "run", "--json")[1]
    path = Path("run/config.yaml")
    config = Run("run").config
    config["model"]["_target_"], config["choices"]["model"] = target, old
    for name, was in options.items():
        config["model"][was] = config["model"].pop(name)
    if "seq_len" in config["task"]:
        config["task"]["steps"], config["task"]["order"] = config["task"].pop("seq_len"), config["task"].pop("sampling")
    path.write_text(yaml.safe_dump(config))
    for checkpoint in Path("run/checkpoints").iterdir():
        state = Run("run").state(checkpoint.stem)
        state["model"] = {
            key.replace(".feed_forward.", ".feedforward."): value for key, value in state["model"].items()
        }
        torch.save(state, checkpoint)
    assert cli("eval", "run", "--json")[1] == before
    assert cli("resume", "run", "trainer.max_steps=3")[0] == 0


def test_words_of_an_old_sweep() -> None:
    words = ["task.steps=3,5", "++model.divide=2", "model=translator", "optim.lr=0.1", "model.vectors=x"]
    new = ["task.seq_len=3,5", "++model.width_divisor=2", "model=transformer", "optim.lr=0.1", "model.vectors=x"]
    assert list(map(renamed.renewed_word, words)) == new
    launcher = {"workers": 1, "lenient": True}
    assert renamed.renewed_launcher(launcher) == {"workers": 1, "ignore_missing_keys": True}


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


@pytest.mark.slow
def test_a_job_of_an_old_sweep_that_never_began(cli: Cli) -> None:
    """Its config has the old keys, and lacks a group that came later."""
    typed = ["-m", "model=lstm", "stand_in=always", "device=cpu", "trainer.max_steps=1", "trainer.limit_batches=1"]
    assert cli(*typed, "seed=0,1", "model.hidden=8", "launcher.workers=1", "folder=sweep")[0] == 0
    shutil.rmtree(next(Path("sweep").glob("1-*")))
    path = Path("sweep/jobs.jsonl")
    jobs = [json.loads(line) for line in path.read_text().splitlines()]
    for job in jobs:
        task = job["config"]["task"]
        task["steps"], task["order"] = task.pop("seq_len"), task.pop("sampling")
        del job["config"]["init"]
        job["config"]["model"] |= {"vectors": None, "freeze": False}
    path.write_text("".join(json.dumps(job) + "\n" for job in jobs))
    code, _, err = cli("resume", "sweep")
    assert code == 0, err
    assert [row["status"] for row in json.loads(cli("runs", "sweep", "--json")[1])] == ["completed"] * 2
