"""What the panel at a training's end advises, and that it does what it says."""

import re
import shlex
from typing import Any

import pytest
from runs import Cli, Run

from dlrun.config import assemble, catalogue, compose
from dlrun.config.settings import Settings
from dlrun.run import report
from dlrun.run.state import TrainState
from dlrun.terminal.plain import number

RUN = ("stand_in=always", "folder=r")


def advice(err: str) -> list[list[str]]:
    """The commands of the panel, each as its words after `dlrun`."""
    return [shlex.split(found)[1:] for found in re.findall(r"^(?:next:|     ) (dlrun .*)$", err, re.MULTILINE)]


@pytest.mark.parametrize(
    ("limits", "wanted"),
    [
        (("trainer.max_steps=2",), ["trainer.max_steps=4"]),
        (("trainer.epochs=2",), ["trainer.epochs=4"]),
        (
            ("trainer.epochs=1", "trainer.max_steps=2", "trainer.limit_batches=2"),
            ["trainer.epochs=2", "trainer.max_steps=4"],
        ),
        (("trainer.epochs=9", "trainer.patience=1", "optim.lr=0"), ["trainer.patience=2"]),
    ],
)
def test_the_advice_goes_further(cli: Cli, limits: tuple[str, ...], wanted: list[str]) -> None:
    code, _, err = cli(*RUN, *limits)
    assert code == 0, err
    before = Run("r").summary["step"]
    (resume,) = [words for words in advice(err) if words[0] == "resume"]
    assert resume == ["resume", "r", *wanted]
    assert cli(*resume)[0] == 0
    assert Run("r").summary["step"] > before


@pytest.mark.parametrize(
    ("model", "first", "verbs"),
    [
        ("linear", "eval", {"eval", "predict", "resume", "tensorboard"}),
        ("skipgram", "neighbors", {"neighbors", "eval", "resume", "tensorboard"}),
        ("rnn", "sample", {"sample", "eval", "resume", "tensorboard"}),
        ("ngram", "sample", {"sample", "eval", "tensorboard"}),  # counted once: nothing goes further
    ],
)
def test_the_advice_names_what_the_model_can_do(cli: Cli, model: str, first: str, verbs: set[str]) -> None:
    code, _, err = cli(f"model={model}", "stand_in=always", "folder=my run", "trainer.max_steps=2", "batch_size=8")
    assert code == 0, err
    typed = advice(err)
    assert typed[0][0] == first and {words[0] for words in typed} == verbs
    for words in typed[:-1]:
        assert cli(*words)[0] == 0, words


def test_a_result_stands_beside_its_baseline(cli: Cli) -> None:
    code, _, err = cli(*RUN, "trainer.epochs=3")
    assert code == 0 and "always the training part's mean" in err and "is no better than the baseline" not in err
    found = Run("r").summary
    assert found["goal"]["best"] < found["baseline"]["val/mse"]
    assert f"baseline {number(found['baseline']['val/mse'])}: always" in err


def test_a_result_that_is_no_better_than_the_baseline_is_told(cli: Cli) -> None:
    code, _, err = cli(*RUN, "trainer.max_steps=1", "optim.lr=0")
    assert code == 0 and "val/mse is no better than the baseline, which looks at no input" in err.replace("\n", " ")


def test_a_goal_that_never_had_a_value_is_told(cli: Cli) -> None:
    """The first batch of a part that is whole enough is of one example, which r2 can't be told of."""
    code, _, err = cli(*RUN, "task.goal=max r2", "trainer.max_steps=2", "trainer.limit_batches=1", "batch_size=1")
    assert code == 0 and "val/r2 never had a value" in err and "no better" not in err


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            ["batch_size=5000"],
            "warning: batch_size=5000 is more than the 800 training examples: it trains on all at once.\n",
        ),
        (["batch_size=800"], ""),
        (
            ["model=gru", "trainer.compile=true"],
            "warning: trainer.compile=true makes nothing faster here: torch's compiler leaves nn.GRU as they are.\n",
        ),
        (["model=scratch_gru", "trainer.compile=true"], ""),
    ],
)
def test_what_is_to_be_known_before_it_trains(typed: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    composed = compose.Composer(compose.read([*typed, "stand_in=always", "device=cpu", "folder=r"])).one()
    spec = assemble.check(composed.config)
    parts = assemble.build_components(spec)
    capfd.readouterr()
    report.caution(spec, parts)
    assert capfd.readouterr().err == said


@pytest.mark.parametrize(
    ("limits", "state", "words"),
    [
        ({"epochs": 2}, TrainState(epoch=2, step=20), ["trainer.epochs=4"]),
        ({"epochs": 2, "max_steps": 20}, TrainState(epoch=1, step=20), ["trainer.max_steps=40"]),
        ({"epochs": 9, "patience": 3}, TrainState(epoch=4, step=20, stale=3), ["trainer.patience=6"]),
    ],
)
def test_only_the_limit_that_ended_it_is_raised(limits: dict[str, Any], state: TrainState, words: list[str]) -> None:
    settings = Settings(**(catalogue.read("trainer", "default") | limits))
    assert report.further(settings, state) == words
