"""Synthetic linear regression: least squares finds its weights and its noise; its parts; nothing to learn."""

from pathlib import Path
from typing import Any

import pytest
import torch
from readers import chosen
from runs import Cli

from dlrun.data import synthetic_linear
from dlrun.data.base import Split
from dlrun.errors import UserError


def test_least_squares_recovers_the_weights_and_the_noise():
    data: Any = synthetic_linear.load(**chosen(synthetic_linear, n=20000))
    x = torch.cat([data.train.x, torch.ones(len(data.train), 1)], 1).double()
    solution = torch.linalg.lstsq(x, data.train.y.double()).solution
    assert torch.allclose(solution.flatten(), torch.tensor([2.0, -3.4, 4.2]).double(), atol=1e-3)
    assert (x @ solution - data.train.y).square().mean().item() == pytest.approx(1e-4, rel=0.05)


def test_synthetic_linear_sizes_and_parts():
    data: Any = synthetic_linear.load(n=1000, weights=[1.0] * 7, bias=0.0, noise=0.0, val=0.1, test=0.2, seed=3)
    assert (len(data.train), len(data.val), len(data.test)) == (700, 100, 200)
    assert data.schema.sizes == {"in_features": 7, "outputs": 1}
    assert len(all_rows(data.train, data.val, data.test).unique(dim=0)) == 1000
    assert torch.allclose(data.train.x.sum(1, keepdim=True), data.train.y, atol=1e-5)
    whole = synthetic_linear.load(n=10, weights=[1.0], bias=0.0, noise=0.0, val=0.0, test=0.0, seed=3)
    assert len(whole.train) == 10 and whole.val is None and whole.test is None
    with pytest.raises(UserError, match="leave nothing of 10 to train on"):
        synthetic_linear.load(n=10, weights=[1.0], bias=0.0, noise=0.0, val=0.5, test=0.5, seed=3)


def all_rows(*splits: Split | None) -> torch.Tensor:
    return torch.cat([split.x.flatten(1).double() for split in splits if split is not None])


def test_no_weights_leave_nothing_to_learn(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("data.weights=[]")
    assert (code, out) == (2, "")
    assert err == "error: data.weights=[] leaves nothing to learn. Type at least one: data.weights=[2.0]\n"
    assert not (tmp_path / "outputs").exists()
