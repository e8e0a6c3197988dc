"""Averaged SGD: the mean is torch's, it begins when it should, it is what is evaluated, and it survives a stop."""

import json

import pytest
import torch
from runs import Cli, Run, alike
from torch import Tensor
from torch.nn import Parameter

from dlrun.optim.asgd import ASGD


def walk(optim: torch.optim.Optimizer, x: Tensor, steps: int, seed: int = 0) -> list[Tensor]:
    draw, seen = torch.Generator().manual_seed(seed), []
    for _ in range(steps):
        x.grad = torch.randn(x.shape, generator=draw)
        optim.step()
        seen.append(x.detach().clone())
    return seen


def asgd(x: Parameter, start: int | None = None, patience: int = 1, mode: str = "min") -> ASGD:
    return ASGD([x], mode, lr=0.1, weight_decay=0.01, start=start, patience=patience)


@pytest.mark.parametrize("start", [0, 1, 7])
def test_the_mean_of_all_steps_from_start_on(start: int) -> None:
    x = Parameter(torch.randn(5))
    optim = asgd(x, start)
    seen = walk(optim, x, 30)
    with optim.averaged():
        torch.testing.assert_close(x.detach(), torch.stack(seen[start:]).mean(0))
    assert x.equal(seen[-1])


@pytest.mark.parametrize("t0", [0, 6])
def test_as_torch_averages(t0: int) -> None:
    """torch's mean has the steps from t0 + 2 on, so ours begins at t0 + 1."""
    first = torch.randn(5)
    x, y = Parameter(first.clone()), Parameter(first.clone())
    ours = asgd(x, t0 + 1)
    torchs = torch.optim.ASGD([y], lr=0.1, alpha=0, lambd=0, t0=t0, weight_decay=0.01)
    walk(ours, x, 40)
    walk(torchs, y, 40)
    torch.testing.assert_close(x, y)
    torch.testing.assert_close(ours.state[x]["mean"], torchs.state[y]["ax"])
    assert (x - ours.state[x]["mean"]).abs().max() > 1e-3


def test_before_it_begins_weights_stand_for_themselves() -> None:
    x = Parameter(torch.randn(5))
    optim = asgd(x, 10)
    seen = walk(optim, x, 10)
    with optim.averaged():
        assert x.equal(seen[-1])


def test_weights_come_back_after_an_error_and_frozen_ones_stay() -> None:
    x, frozen = Parameter(torch.randn(5)), Parameter(torch.ones(3), requires_grad=False)
    optim = ASGD([x, frozen], "min", lr=0.1, weight_decay=0.1, start=0, patience=5)
    seen = walk(optim, x, 5)
    with pytest.raises(KeyboardInterrupt), optim.averaged():
        raise KeyboardInterrupt
    assert x.equal(seen[-1]) and frozen.equal(torch.ones(3)) and frozen not in optim.state


@pytest.mark.parametrize(
    ("mode", "patience", "values", "begins"),
    [
        ("min", 1, [5, 4, 4.5, 4.6], 3),  # 4.5 is still better than the 5 two before
        ("min", 2, [5, 4, 4.5, 4.4, 4.2], 4),  # 4.4 is better than the 5 three before, 4.2 worse than the 4
        ("min", 3, [5, 4, 3, 2, 1], None),
        ("max", 1, [0.5, 0.6, 0.55, 0.58], 3),
        ("max", 1, [0.5, 0.4, 0.45], 2),
    ],
)
def test_begins_when_nothing_gets_better(mode: str, patience: int, values: list[float], begins: int | None) -> None:
    x = Parameter(torch.randn(5))
    optim, began = asgd(x, None, patience, mode), None
    for number, value in enumerate(values):
        walk(optim, x, 2, number)
        optim.after_evaluation(value)
        if optim.param_groups[0]["start"] is not None and began is None:
            began = number
            assert optim.param_groups[0]["start"] == 2 * (number + 1)
    assert began == begins


def test_state_dict_goes_on_to_the_bit() -> None:
    first = torch.randn(5)
    whole, half = Parameter(first.clone()), Parameter(first.clone())
    one = asgd(whole)
    walk(one, whole, 4)
    one.after_evaluation(1.0)
    one.after_evaluation(0.9)
    one.after_evaluation(2.0)
    walk(one, whole, 3)
    state = one.state_dict()
    with torch.no_grad():
        half.copy_(whole)
    two = asgd(half)
    two.load_state_dict(state)
    for optim, x in ((one, whole), (two, half)):
        walk(optim, x, 5, seed=9)
    assert whole.equal(half) and one.state[whole]["mean"].equal(two.state[half]["mean"])
    assert two.param_groups[0]["start"] == 4 and two.param_groups[0]["values"] == [1.0, 0.9, 2.0]


RUN = [
    "model=awd_lstm",
    "model.embed=16",
    "model.hidden=16",
    "model.layers=2",
    "optim=asgd",
    "optim.lr=5",
    "stand_in=always",
]
RUN += ["device=cpu", "trainer.clip=0.25", "trainer.eval_every_steps=10", "trainer.eval_every_epochs=null"]


@pytest.mark.slow
def test_a_run_is_judged_by_its_mean_and_resumes_to_the_bit(cli: Cli) -> None:
    chosen = [*RUN, "optim.start=12"]
    assert cli(*chosen, "trainer.max_steps=40", "folder=whole")[0] == 0
    assert cli(*chosen, "trainer.max_steps=20", "folder=halves")[0] == 0
    assert cli("resume", "halves", "trainer.max_steps=40")[0] == 0
    ends = [Run(name).state() for name in ("whole", "halves")]
    assert alike(ends[0]["model"], ends[1]["model"])
    for number, memory in ends[0]["optim"]["state"].items():
        assert memory["mean"].equal(ends[1]["optim"]["state"][number]["mean"])
    perplexities = [
        [line["val/perplexity"] for line in Run(name).metrics if "val/perplexity" in line]
        for name in ("whole", "halves")
    ]
    assert perplexities[0] == perplexities[1] and len(perplexities[0]) == 4
    best, last = Run("whole").state("best"), ends[0]
    assert last["optim"]["param_groups"][0]["values"] == perplexities[0]
    assert best["trainer"]["step"] == 40
    assert best["model"]["embedding.weight"].equal(last["optim"]["state"][0]["mean"])
    assert not best["model"]["embedding.weight"].equal(last["model"]["embedding.weight"])
    code, out, _ = cli("eval", "whole", "--split", "val", "--json")
    assert code == 0 and json.loads(out)["val/perplexity"] == pytest.approx(perplexities[0][-1], rel=1e-6)
