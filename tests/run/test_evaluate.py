"""The rehearsal of a run's evaluations: it goes before the first step, and leaves no trace."""

import random
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from runs import Cli

from dlrun.config import assemble
from dlrun.device import rng_state, seed_everything
from dlrun.errors import UserError
from dlrun.run.evaluate import rehearse

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
