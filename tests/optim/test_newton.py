"""Newton's method: one step on a quadratic, part of the way with a smaller lr, uphill where the function bends down."""

from pathlib import Path

import pytest
import torch
from runs import Cli, Run

from dlrun.data.quadratic import parsed
from dlrun.optim.newton import Newton

BOWL = "0.1 * x1 ** 2 + 2 * x2 ** 2"


def stepped(formula: str, start: list[float], lr: float) -> list[float]:
    x, objective = torch.nn.Parameter(torch.tensor(start)), parsed(formula)
    objective(x).backward()
    Newton([x], objective, lr=lr).step()
    return x.tolist()


@pytest.mark.parametrize(
    ("formula", "end"),
    [(BOWL, [0.0, 0.0]), ("(x1 - 1)**2 + x1*x2 + 5*(x2 + 3)**2", [50 / 19, -62 / 19]), ("x1**2 + x2", [0.0, -2.0])],
)
def test_one_step_on_a_quadratic(formula: str, end: list[float]) -> None:
    """Even a slanted one; a direction without curvature is left alone."""
    assert stepped(formula, [-5.0, -2.0], 1.0) == pytest.approx(end, abs=1e-5)


def test_part_of_the_way() -> None:
    assert stepped(BOWL, [-5.0, -2.0], 0.25) == pytest.approx([-3.75, -1.5])


def test_it_climbs_where_the_function_bends_down() -> None:
    """Of x1^2 - x2^2 it finds the saddle, no lower place: by hand, x - H^-1 g = 0."""
    assert stepped("x1 ** 2 - x2 ** 2", [3.0, 1.0], 1.0) == pytest.approx([0.0, 0.0], abs=1e-5)


@pytest.mark.slow
def test_through_the_command_line(cli: Cli) -> None:
    assert cli("model=point", "device=cpu", "optim=newton", "folder=run")[0] == 0
    goal = Run("run").summary["goal"]
    assert goal["best"] == 0 and goal["best_step"] == 1
    assert cli("optim=newton", "device=cpu", "folder=other")[0] == 2  # no function to take second derivatives of
    assert not Path("other").exists()
