"""The rehearsal of a run's evaluations: it goes before the first step, and leaves no trace."""

import random
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from options import options, ready
from runs import Cli

from dlrun.config import assemble
from dlrun.data.base import Data, Schema, Split
from dlrun.device import Device, rng_state, seed_everything
from dlrun.errors import UserError
from dlrun.metric import r2
from dlrun.run.evaluate import Answers, baseline, evaluate, rehearse
from dlrun.task.classify import Classify

CPU = Device(torch.device("cpu"), "fp32", asynchronous=False, deterministic=False)
SMALL = ["model.hidden=8", "model.embed=8"]
CASES = {
    "regress": ["model=mlp", "data=airfoil", "model.dropout=0.5"],
    "nothing held out": ["model=linear", "data=airfoil", "data.split=book"],
    "images": ["model=lenet", "task.random_shift=2", "task.tta_flip=true"],
    "texts": ["model=bag", "data=imdb", "model.embed=8"],
    "counts classes": ["model=nbsvm", "data=imdb"],
    "lm": ["model=lstm", *SMALL, "model.dropout=0.5"],
    "counts words": ["model=ngram", "data=jaychou_lyrics"],
    "word2vec": ["model=skipgram", "model.embed=8", "data=jaychou_lyrics"],
    "glove": ["model=glove", "model.embed=8", "data=jaychou_lyrics"],
    "translate": ["model=seq2seq", *SMALL],
    "minimize": ["model=point"],
}


@pytest.fixture
def built(cli: Cli) -> Any:
    def build(*typed: str) -> tuple[assemble.Components, int]:
        code, out, _ = cli(*typed, "stand_in=always", "device=cpu", "--cfg", "job")
        assert code == 0
        shown = yaml.safe_load(out)
        config = {key: shown[key] for key in (*assemble.GROUPS, *assemble.PLAIN_KEYS) if key in shown}
        plans = assemble.check(config)
        return assemble.build_components(plans), config["batch_size"]

    return build


def seen(value: Any) -> Any:
    """A state, copied, as values that can be compared."""
    if isinstance(value, torch.Tensor):
        return value.numpy().tobytes()
    if isinstance(value, dict):
        return {key: seen(each) for key, each in value.items()}
    return value


@pytest.mark.parametrize("case", CASES)
@pytest.mark.slow
def test_it_leaves_no_trace(case: str, built: Any) -> None:
    parts, batch_size = built(*CASES[case])
    seed_everything(5)
    parts.model.train()
    before = [seen(each) for each in (parts.task.state_dict(), parts.model.state_dict(), rng_state())]
    rehearse(parts.task, parts.model, parts.device, batch_size)
    assert [seen(each) for each in (parts.task.state_dict(), parts.model.state_dict(), rng_state())] == before
    assert all(module.training for module in parts.model.modules())


class Draws(torch.nn.Module):
    """Uses every generator while it is evaluated."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.rand(len(x), 1) + random.random() + float(np.random.rand())


def test_random_numbers_are_drawn_as_if_it_had_not_been(built: Any) -> None:
    parts, batch_size = built("data=synthetic_linear")
    drawn = []
    for rehearsed in (False, True):
        seed_everything(1)
        if rehearsed:
            rehearse(parts.task, Draws(), parts.device, batch_size)
        drawn.append((random.random(), np.random.rand(), torch.rand(()).item()))
    assert drawn[0] == drawn[1]


def test_a_goal_that_an_evaluation_does_not_tell_is_a_mistake(built: Any) -> None:
    parts, batch_size = built("data=synthetic_linear")
    parts.task.goal = "max f1"
    with pytest.raises(UserError, match="The goal is max f1, and an evaluation only tells val/loss, val/mse."):
        rehearse(parts.task, parts.model, parts.device, batch_size)


def test_metrics_of_a_whole_part_are_those_of_all_its_answers(built: Any) -> None:
    parts, _ = built("data=airfoil", "task.metrics=[r2,mae]")
    (y,) = [parts.task.splits["val"].y]
    found = evaluate(parts.task, parts.model, parts.device, "val", 7)
    answers = parts.model(parts.task.scaled(parts.task.splits["val"].x)).detach()
    assert found is not None and list(found) == ["val/loss", "val/mse", "val/mae", "val/r2"]
    assert found["val/r2"] == pytest.approx(r2(answers, parts.task.scaled_target(y)), rel=1e-6)
    assert baseline(parts.task).keys() == found.keys()


def examples(y: list[int], outputs: int) -> Data:
    split = Split(torch.randn(len(y), 2), torch.tensor(y))
    return Data(split, split, None, Schema({"in_features": 2, "outputs": outputs}, "table", "class"))


def test_a_goal_that_has_no_value_on_its_part_is_a_mistake_at_the_start() -> None:
    task = ready(Classify, examples([1] * 9, 2), **options("task/classify", goal="max auc"))
    wanted = (
        "val/auc can't be told: auc needs examples of at least two classes, and val has not. Type another task.goal"
    )
    with pytest.raises(UserError, match=wanted):
        rehearse(task, torch.nn.Linear(2, 2), CPU, 4)
    told = ready(Classify, examples([1] * 8 + [0], 2), **options("task/classify", goal="max auc"))
    rehearse(told, torch.nn.Linear(2, 2), CPU, 4)  # though its batches are of one class


def test_answers_that_can_t_be_kept_are_refused_in_one_message() -> None:
    task = ready(Classify, examples([0, 1], 2), **options("task/classify", metrics=["auc"]))
    task.splits["val"] = Split(torch.zeros(1).expand(10**9), None)  # of no memory itself
    with pytest.raises(
        UserError, match=r"^All answers of val at once, 1,000,000,000 × 100,000 numbers, .* GB can be had"
    ):
        Answers(task, "val").add(torch.zeros(1, 100_000), torch.zeros(1))
