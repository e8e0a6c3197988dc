"""Muon: steps are orthogonal, torch's own where both say the same, and AdamW's for what is no matrix."""

import copy
from typing import Any

import pytest
import torch
from runs import Cli, Run, alike
from torch import Tensor, nn

from dlrun.optim.muon import Muon, orthogonal
from dlrun.optim.scratch import AdamW

OPTIONS: dict[str, Any] = {"lr": 0.01, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0.1}


class Mixed(nn.Module):
    """One of each: a matrix, a bank of filters, a table of words, a bias, a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.linear = nn.Embedding(11, 6), nn.Linear(6, 4)
        self.filters, self.norm = nn.Conv2d(3, 5, 3, bias=False), nn.BatchNorm2d(5)


def walk(optim: torch.optim.Optimizer, weights: list[Tensor], steps: int) -> None:
    draw = torch.Generator().manual_seed(3)
    for _ in range(steps):
        for x in weights:
            x.grad = torch.randn(x.shape, generator=draw)
        optim.step()


@pytest.mark.parametrize("shape", [(8, 8), (5, 40), (40, 5), (1, 9)])
def test_orthogonal(shape: tuple[int, int]) -> None:
    """The directions of the decomposition, each about equally long; that of a matrix a thousand times as small, too."""
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    U, S, Vh = torch.linalg.svd(matrix, full_matrices=False)
    for each in (matrix, matrix / 1000):
        core = U.T @ orthogonal(each) @ Vh.T
        assert core.diagonal().min() > 0.6 and core.diagonal().max() < 1.2
        assert (core - core.diagonal().diag()).abs().max() < 1e-4
    assert S[0] / S[-1] > 1.5 or min(shape) == 1
    assert orthogonal(torch.zeros(shape)).equal(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(8, 24), (24, 8)])
def test_matrices_go_as_torchs_muon_with_the_same_rule_for_lr(shape: tuple[int, int]) -> None:
    """torch makes them orthogonal in bfloat16, so the two drift apart by some percent of the way."""
    ours, theirs = nn.Linear(shape[1], shape[0], bias=False), nn.Linear(shape[1], shape[0], bias=False)
    theirs.load_state_dict(ours.state_dict())
    first = ours.weight.detach().clone()
    torchs = torch.optim.Muon([theirs.weight], 0.01, 0.1, momentum=0.95, adjust_lr_fn="match_rms_adamw")
    walk(Muon(ours, momentum=0.95, **OPTIONS), [ours.weight], 50)
    walk(torchs, [theirs.weight], 50)
    way = (ours.weight - first).norm()
    assert (ours.weight - theirs.weight).norm() < 0.03 * way and way > 0.5


def test_all_else_takes_the_step_of_adamw() -> None:
    model = Mixed()
    twin = copy.deepcopy(model)
    walk(Muon(model, momentum=0.95, **OPTIONS), list(model.parameters()), 20)
    walk(AdamW(twin.parameters(), **OPTIONS), list(twin.parameters()), 20)
    alike = {name for name, x in model.named_parameters() if x.equal(twin.get_parameter(name))}
    assert alike == {"words.weight", "linear.bias", "norm.weight", "norm.bias"}


def test_filters_go_as_the_matrix_of_their_rows() -> None:
    filters, matrix = nn.Conv2d(3, 5, 3, bias=False), nn.Linear(27, 5, bias=False)
    matrix.load_state_dict({"weight": filters.weight.detach().reshape(5, 27)})
    for model in (filters, matrix):
        walk(Muon(model, momentum=0.95, **OPTIONS), [next(model.parameters())], 10)
    torch.testing.assert_close(filters.weight.reshape(5, 27), matrix.weight)


@pytest.mark.slow
def test_a_run_resumes_to_the_bit(cli: Cli) -> None:
    run = ["model=lenet", "optim=muon", "stand_in=always", "device=cpu", "batch_size=64"]
    assert cli(*run, "trainer.max_steps=30", "folder=whole")[0] == 0
    assert cli(*run, "trainer.max_steps=13", "folder=halves")[0] == 0
    assert cli("resume", "halves", "trainer.max_steps=30")[0] == 0
    ends = [Run(name).state() for name in ("whole", "halves")]
    assert ends[0]["trainer"]["step"] == 30 and alike(ends[0]["model"], ends[1]["model"])
    for number, memory in ends[0]["optim"]["state"].items():
        assert memory["v"].equal(ends[1]["optim"]["state"][number]["v"])
