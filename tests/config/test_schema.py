"""The JSON Schema of a config: one by its own meta-schema, which real configs fit and mistakes do not."""

import copy
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dlrun.config import assemble, catalogue, compose, schema
from dlrun.errors import UserError

COMMANDS = [
    "",
    "model=lstm",
    "model=lstm optim=adam optim.lr=0.01 scheduler=onecycle",
    "model=mlp data=airfoil model.hidden=[64,32] init=xavier trainer.clip=1",
    "model=vgg",
    "model=smallresnet task.random_flip=true scheduler=cosine scheduler.warmup=10",
    "model=skipgram",
    "model=transformer device=cpu",
    "model=point optim=newton",
    "model=ngram",
    "model=nbsvm optim=muon",
    "model=glove scheduler=plateau",
    "experiment=best_fashion_mnist",
    "data=imdb model=textcnn init=vectors init.file=x.txt",
]


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return schema.schema()


def composed(command: str) -> dict[str, Any]:
    made = compose.Composer(compose.read(command.split())).one().config
    return json.loads(json.dumps(made))  # lists and not tuples, as config.yaml has them


def test_it_is_a_schema(whole: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(whole)
    for group in catalogue.PARTS:
        part: dict[str, Any] = schema.schema(group)
        Draft202012Validator.check_schema(part)
        assert len(part["$defs"]) == len(catalogue.choices(group))


@pytest.mark.parametrize("command", COMMANDS)
def test_real_configs_fit(command: str, whole: dict[str, Any]) -> None:
    config = composed(command)
    assemble.check(config)
    assert [error.message for error in Draft202012Validator(whole).iter_errors(config)] == []
    for group in catalogue.PARTS:
        assert Draft202012Validator(schema.schema(group)).is_valid(config[group])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model.hidden", -3),
        ("model.hidden", "wide"),
        ("model.dropout", 1),
        ("model.hiden", 3),
        ("optim.lr", -1),
        ("trainer.epochs", 0),
        ("trainer.epochs", 2.5),
        ("scheduler.every", "day"),
        ("device.precision", "fp17"),
        ("batch_size", 0),
        ("stand_in", "maybe"),
        ("seed", "one"),
        ("seeds", 1),
    ],
)
def test_what_dlrun_refuses_the_schema_refuses(key: str, value: object, whole: dict[str, Any]) -> None:
    config = copy.deepcopy(composed("model=lstm"))
    node, name = (config[key.split(".")[0]], key.split(".")[1]) if "." in key else (config, key)
    node[name] = value
    with pytest.raises(UserError):
        assemble.check(config)
    assert not Draft202012Validator(whole).is_valid(config)


def test_a_part_of_ones_own_fits(whole: dict[str, Any]) -> None:
    config = composed("")
    config["model"] = {"_target_": "mine.Model", "width": 3}
    assert Draft202012Validator(whole).is_valid(config)
    config["model"] = {"_target_": "dlrun.mine.Model"}
    assert not Draft202012Validator(whole).is_valid(config)


def test_every_key_has_its_help_and_type(whole: dict[str, Any]) -> None:
    untyped, silent = {}, []
    for name, part in whole["$defs"].items():
        for key, node in part["properties"].items():
            if key != "_target_" and key not in catalogue.FILES:
                silent += [] if node.get("description") else [f"{name}: {key}"]
                if not {"type", "enum", "anyOf"} & node.keys():
                    untyped[f"{name}: {key}"] = node
    assert (untyped, silent) == ({}, [])
    lstm = whole["$defs"]["model=lstm"]["properties"]["dropout"]
    assert lstm["description"].startswith("fraction of units dropped") and lstm["default"] == 0.0
    assert (lstm["type"], lstm["minimum"], lstm["exclusiveMaximum"]) == ("number", 0, 1)
    layers = whole["$defs"]["model=scratch_gru"]["properties"]["layers"]
    assert (layers["type"], layers["minimum"], layers["maximum"]) == ("integer", 1, 1000)
    epochs = whole["$defs"]["trainer=default"]["properties"]["epochs"]
    assert epochs == {
        "description": "passes over the training part; null: no such end",
        "type": ["integer", "null"],
        "minimum": 1,
        "default": 10,
    }
    assert whole["properties"]["choices"]["properties"]["model"]["anyOf"][0] == {"enum": catalogue.choices("model")}
