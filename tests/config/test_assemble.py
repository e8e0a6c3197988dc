"""A config becomes a run's parts: everything is checked before anything is loaded."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from dlrun.config import assemble, compose
from dlrun.errors import DataError, UserError


def config(*typed: str) -> dict[str, Any]:
    return compose.Composer(compose.read([*typed, "folder=run", "device=cpu"])).one().config


@pytest.fixture(scope="module")
def linear() -> dict[str, Any]:
    return config("data=synthetic_linear")


def changed(base: dict[str, Any], **groups: Any) -> dict[str, Any]:
    return {**base, **groups}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seeds": 1}, "There is no key seeds. Did you mean seed?"),
        ({"seed": "one"}, "seed=one: a whole number is expected."),
        ({"batch_size": 0}, "batch_size=0: it must be at least 1."),
        ({"stand_in": "maybe"}, "stand_in=maybe: Possible: always, auto, never."),
        ({"folder": "a/.."}, "folder=a/.. names no folder of its own."),
        ({"model": "linear"}, "model=linear: a group of keys is expected. Pick one: model=NAME"),
        ({"model": {}}, "model has no _target_: its YAML must name the class to build."),
        (
            {"scheduler": {"_target_": "torch.optim.lr_scheduler.StepLR", "step_size": 1}},
            "scheduler.every has no value.",
        ),
        ({"optim": {"_target_": "torch.optim.SGD", "lr": -1}}, "optim.lr=-1: it must be at least 0."),
        ({"trusted": ["os"]}, "trusted=[os]: os is no package of yours, and has far more than models."),
    ],
)
def test_a_value_that_makes_no_sense_is_named(change: dict[str, Any], said: str, linear: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        assemble.check(changed(linear, **change))
    assert str(caught.value).startswith(said)


def test_a_run_needs_an_end(linear: dict[str, Any]) -> None:
    endless = linear["trainer"] | {"epochs": None, "max_steps": None}
    with pytest.raises(UserError, match="^A run needs an end: type trainer.epochs=… or trainer.max_steps=…$"):
        assemble.check(changed(linear, trainer=endless))


def test_a_saved_word_on_trust_is_not_believed(linear: dict[str, Any]) -> None:
    mine = changed(linear, model={"_target_": "mine.Model"}, trusted=["mine"])
    with pytest.raises(UserError, match="is not trusted. If mine is yours: --trust mine.$"):
        assemble.check(mine, trusted=[])
    with pytest.raises(UserError, match="there is no module mine"):
        assemble.check(mine)  # what was typed is


# what fits


def test_a_model_that_does_not_fit_says_what_fits() -> None:
    """conf/ says it: no data is loaded."""
    with pytest.raises(UserError) as caught:
        assemble.check_fit(assemble.check(config("model=lenet", "data=ptb")))
    said = str(caught.value)
    assert said.startswith("LeNet needs in_channels and height and width and outputs; ptb offers vocab_size.")
    assert "Pick another data= or model=. Models that fit ptb: awd_lstm, gru, lstm, ngram" in said
    with pytest.raises(
        UserError, match="^task=translate needs pairs of sentences; pick data=fr_en or .*Tasks that fit"
    ):
        assemble.check_fit(assemble.check(config("model=seq2seq", "data=ptb", "task=translate")))


def test_of_parts_of_ones_own_nothing_is_known(linear: dict[str, Any]) -> None:
    spec = assemble.check(changed(linear, choices=linear["choices"] | {"data": "mine"}))
    assemble.check_fit(spec)


def test_newton_needs_a_function(linear: dict[str, Any]) -> None:
    spec = assemble.check(changed(linear, optim={"_target_": "dlrun.optim.newton.Newton", "lr": 1.0}))
    parts = assemble.build_components(spec)
    with pytest.raises(
        UserError, match="^Newton needs a function that it can differentiate twice; only data=quadratic"
    ):
        assemble.build_optim(spec, parts)


# how long


@pytest.mark.parametrize(
    ("trainer", "scheduler", "steps", "moves"),
    [
        ({}, {}, (80, 240), 240),
        ({"accumulate": 3}, {}, (27, 81), 81),  # the last update of a pass is of two batches
        ({"max_steps": 100}, {}, (80, 100), 100),
        ({"max_steps": 1000}, {}, (80, 240), 240),
        ({"limit_batches": 5}, {}, (5, 15), 15),
        ({"max_steps": 100}, {"every": "epoch"}, (80, 100), 1),
        ({}, {"every": "epoch"}, (80, 240), 3),
        ({}, {"every": "evaluation"}, (80, 240), 3),
        ({"eval_every_epochs": 2}, {"every": "evaluation"}, (80, 240), 1),
        ({"eval_every_steps": 60}, {"every": "evaluation"}, (80, 240), 4),
        ({"max_steps": 10}, {"every": "evaluation"}, (80, 10), 1),
    ],
)
def test_planned_steps_and_moves(
    trainer: dict[str, Any], scheduler: dict[str, Any], steps: tuple[int, int], moves: int, linear: dict[str, Any]
) -> None:
    """800 examples in batches of 10, three passes."""
    spec = assemble.check(
        changed(
            linear,
            trainer=linear["trainer"] | {"epochs": 3} | trainer,
            scheduler=linear["scheduler"] | scheduler,
        )
    )
    task = assemble.build_components(spec).task
    assert assemble.planned_steps(spec, task) == steps and assemble.planned_moves(spec, task) == moves


def test_a_goal_is_known_before_a_task_is_built(linear: dict[str, Any]) -> None:
    assert assemble.goal(assemble.check(linear).task) == "min mse"
    assert assemble.goal(assemble.check(config("model=point")).task) == "min loss"  # its class's only one


# memory


def test_the_sizes_that_may_be_too_large_are_named() -> None:
    spec = assemble.check(config("model=mlp", "data=airfoil", "model.hidden=[64,32]", "model.dropout=0.5"))
    assert assemble.sizes_of(spec.model) == "model.hidden=[64,32]"
    assert assemble.sizes_of(assemble.check(config("model=linear", "data=airfoil")).model) == "no sizes"


@pytest.mark.parametrize(
    ("convolution", "expected"),
    [
        (nn.Conv2d(3, 8, 3), torch.channels_last),
        (nn.Conv2d(3, 8, 1), torch.channels_last),
        (nn.Conv2d(8, 8, 1, stride=2), torch.channels_last),
        (nn.Conv2d(3, 8, 1, stride=2), torch.contiguous_format),  # there torch writes past its memory
        (nn.Linear(3, 8), torch.channels_last),
    ],
)
def test_the_layout_of_a_model(convolution: nn.Module, expected: torch.memory_format) -> None:
    assert assemble.layout(nn.Sequential(nn.ReLU(), convolution)) == expected


# data


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DLRUN_MIRRORS", str(tmp_path / "nothing"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("mode", "replaceable", "source"),
    [("always", False, "stand-in"), ("auto", True, "stand-in"), ("auto", False, ""), ("never", True, "")],
)
def test_a_stand_in_takes_the_place_of_what_was_not_named(
    mode: str, replaceable: bool, source: str, offline: None, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = assemble.check(config("data=airfoil", f"stand_in={mode}"))
    if not source:
        with pytest.raises(DataError, match="airfoil"):
            assemble.load_data(spec, replaceable=replaceable)
        return
    _, facts = assemble.load_data(spec, replaceable=replaceable)
    assert (facts["name"], facts["source"]) == ("airfoil", source)
    assert "THIS IS NOT AIRFOIL: a small made-up STAND-IN takes its place." in capfd.readouterr().err


def test_data_that_is_made_up_by_itself_has_no_digest(linear: dict[str, Any]) -> None:
    _, facts = assemble.load_data(assemble.check(linear), replaceable=False)
    assert facts == {"name": "synthetic_linear", "source": "generated", "sha256": {}}
