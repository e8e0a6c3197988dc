"""Airfoil self-noise: its parts and scales, the stand-in's best score, the book's way."""

from typing import Any

import pytest
import torch
from readers import stand_in

from dlrun.data import airfoil
from dlrun.data.base import Split

pytestmark = pytest.mark.usefixtures("shared")


def optimum(data: Any) -> float:
    """Least mse of linear regression with a bias, on the standardised training part."""
    x, y = data.schema.x_scale.apply(data.train.x).double(), data.schema.y_scale.apply(data.train.y).double()
    x = torch.cat([x, torch.ones(len(x), 1)], 1)
    return (x @ torch.linalg.lstsq(x, y).solution - y).square().mean().item()


def all_rows(*splits: Split | None) -> torch.Tensor:
    return torch.cat([split.x.flatten(1).double() for split in splits if split is not None])


def test_parts_are_disjoint_fixed_by_the_seed_and_scaled_by_the_training_part():
    data, other = stand_in(airfoil), stand_in(airfoil, seed=1)
    assert (len(data.train), len(data.val), len(data.test)) == (1203, 150, 150)
    assert torch.equal(
        all_rows(data.train, data.val, data.test).sort(0).values,
        all_rows(other.train, other.val, other.test).sort(0).values,
    )
    assert not torch.equal(data.train.x, other.train.x)
    scaled = data.schema.x_scale.apply(data.train.x)
    assert torch.allclose(scaled.mean(0), torch.zeros(5), atol=1e-4)
    assert torch.allclose(scaled.std(0, correction=0), torch.ones(5), atol=1e-4)
    assert data.schema.y_scale.undo(data.schema.y_scale.apply(data.train.y)).allclose(data.train.y, atol=1e-3)


def test_stand_ins_best_score():
    assert airfoil.STAND_IN.best["mse"] == pytest.approx(0.1)
    assert optimum(stand_in(airfoil)) == pytest.approx(airfoil.STAND_IN.best["mse"], rel=0.1)


@pytest.mark.real_data
def test_by_the_book(real):
    data = real(airfoil, split="book")
    assert data.train.x.shape == (1500, 5) and data.train.y.shape == (1500, 1)
    assert data.val is None and data.test is None and "nothing is held out" in data.note
    assert optimum(data) / 2 == pytest.approx(0.241688, abs=5e-7)
    assert sum(len(split) for split in (lambda d: (d.train, d.val, d.test))(real(airfoil))) == 1503
