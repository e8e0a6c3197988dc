"""Sines and cosines of positions, side by side."""

import math

import pytest
import torch

from dlrun.nn.positions import positions


def test_positions_differ_and_are_the_formulas() -> None:
    table = positions(50, 8)
    assert table.shape == (50, 8) and len(table.unique(dim=0)) == 50
    for t, pair in ((0, 0), (3, 2), (49, 3)):
        angle = t / 10_000 ** (2 * pair / 8)
        assert table[t, 2 * pair : 2 * pair + 2].tolist() == pytest.approx([math.sin(angle), math.cos(angle)], abs=1e-6)


def test_a_step_on_is_a_turn() -> None:
    """p(t + k) is a linear function of p(t), the same for every t, which is why these were chosen (section 3.5)."""
    table = positions(40, 6).double()
    turned = torch.linalg.lstsq(table[:30], table[7:37]).solution
    torch.testing.assert_close(table[:33] @ turned, table[7:40], atol=1e-4, rtol=0)
