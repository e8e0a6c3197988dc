"""Optimizers on the bowl 0.1 x1^2 + 2 x2^2, where each step can be computed by hand; the picture of the way."""

from pathlib import Path
from typing import Any

import pytest
import torch
from options import ready
from PIL import Image
from runs import Cli, Run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dlrun.data.quadratic import load, parsed
from dlrun.data.synthetic_linear import load as load_linear
from dlrun.draw.contour import END, PATH, contour, ticks
from dlrun.errors import UserError
from dlrun.model.point import Point
from dlrun.optim.newton import Newton
from dlrun.task.minimize import Minimize

BOWL = "0.1 * x1 ** 2 + 2 * x2 ** 2"
FRAME = [-5.5, 2.5, -2.75, 2.5]


def task(formula: str = BOWL, **options: Any) -> Minimize:
    chosen: dict[str, Any] = {"bound": 1e3, "frame": FRAME} | options
    return ready(Minimize, load(formula=formula), **chosen)


def point(*start: float) -> Point:
    return Point(2, start=list(start or (-5.0, -2.0)))


def test_shape_and_gradient() -> None:
    model = point()
    assert model().shape == (2,)
    scores = task().step(model, None)
    scores.loss.backward()
    assert scores.loss.item() == pytest.approx(10.5) and scores.n == 1
    assert {name: value.item() for name, value in scores.values.items()} == {"x1": -5.0, "x2": -2.0}
    assert model.x.grad is not None and model.x.grad.tolist() == pytest.approx([-1.0, -8.0])


def test_a_step_beyond_the_bound_is_infinite_while_training_alone() -> None:
    minimize, model = task(), point()
    minimize.step(model, None)
    with torch.no_grad():
        model.x[1] = 30.0
    assert minimize.step(model.eval(), None).loss.item() == pytest.approx(1802.5)
    assert minimize.step(model.train(), None).loss.isinf()
    with pytest.raises(UserError, match="starts at 1802, above task.bound"):
        task().step(model, None)
    assert task(bound=None).step(model, None).loss.isfinite()


def test_the_path_goes_through_the_checkpoint() -> None:
    minimize, model = task(), point()
    for mode in (True, False, True):  # a place that is seen twice is one place
        minimize.step(model.train(mode), None)
    with torch.no_grad():
        model.x.add_(1)
    minimize.step(model.eval(), None)
    other = task()
    other.load_state_dict(minimize.state_dict())
    assert other.path == minimize.path == [[-5.0, -2.0], [-4.0, -1.0]]


def test_refuses() -> None:
    with pytest.raises(UserError, match="needs a function to go down on"):
        plain = load_linear(n=10, weights=[1.0], bias=0.0, noise=0.0, val=0.0, test=0.0, seed=0)
        Minimize(plain.schema, bound=None, frame=FRAME)
    for frame in ([1.0, 2.0, 3.0], [2.0, 1.0, 0.0, 1.0]):
        with pytest.raises(UserError, match="task.frame"):
            task(frame=frame)
    with pytest.raises(UserError, match="model.start=\\[1.0, 2.0, 3.0\\]: the function takes 2 numbers"):
        Point(2, start=[1.0, 2.0, 3.0])


# Newton's method


@pytest.mark.parametrize(
    ("formula", "end"),
    [(BOWL, [0.0, 0.0]), ("(x1 - 1)**2 + x1*x2 + 5*(x2 + 3)**2", [50 / 19, -62 / 19]), ("x1**2 + x2", [0.0, -2.0])],
)
def test_newton_needs_one_step_on_a_quadratic(formula: str, end: list[float]) -> None:
    """Even a slanted one; a direction without curvature is left alone."""
    model, objective = point(), parsed(formula)
    objective(model()).backward()
    Newton(model.parameters(), objective, lr=1.0).step()
    assert model.x.tolist() == pytest.approx(end, abs=1e-5)


def test_newton_goes_part_of_the_way() -> None:
    model, objective = point(), parsed(BOWL)
    objective(model()).backward()
    Newton(model.parameters(), objective, lr=0.25).step()
    assert model.x.tolist() == pytest.approx([-3.75, -1.5])


# the picture


def test_picture_shows_path_start_and_end() -> None:
    path = torch.tensor([[-5.0, 0.0], [0.0, 0.0], [1e30, 1e30], [float("nan"), 0.0]])
    picture = contour(parsed(BOWL), path[:2], (-6.0, 2.0, -2.0, 2.0), title="a title", subtitle="more")
    assert picture.mode == "RGB"
    left, top, width, height = 58, 58, 640, 420
    end = (round(left + width * 6 / 8), top + height // 2)
    assert picture.getpixel(end) == pytest.approx(END, abs=25)
    middle = (round(left + width * 3.5 / 8), top + height // 2)
    assert picture.getpixel(middle) == pytest.approx(PATH, abs=25)
    assert picture.getpixel((round(left + width / 8), top + height // 2)) == pytest.approx((255, 255, 255), abs=25)
    wild = contour(parsed(BOWL), path, (-6.0, 2.0, -2.0, 2.0), title="", subtitle="")
    assert wild.size == picture.size


def test_bands_are_dark_where_the_function_is_low_and_grey_where_it_is_none() -> None:
    picture = contour(parsed("log(x1)"), torch.zeros(0, 2), (-1.0, 1.0, 0.0, 1.0), title="", subtitle="")
    low, high, unknown = (picture.getpixel((x, 200)) for x in (58 + 325, 58 + 635, 58 + 100))
    assert unknown == (200, 200, 200)
    assert sum(low) < sum(high)  # type: ignore[arg-type]


@pytest.mark.parametrize(("low", "high"), [(-5.5, 2.5), (0.0, 0.03), (-2.75, 2.5), (1000.0, 9000.0)])
def test_ticks_are_round_and_few(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 4 <= len(found) <= 9 and low <= found[0] and found[-1] <= high
    assert all(len(f"{value:g}") <= 6 for value in found)


# whole runs


POINT = ["model=point", "device=cpu"]


@pytest.mark.slow
def test_gradient_descent_as_computed_by_hand(cli: Cli) -> None:
    assert cli(*POINT, "optim.lr=0.4", "folder=run")[0] == 0
    summary = Run("run").summary
    assert summary["step"] == 20 and summary["status"] == "completed"
    assert summary["metrics"]["train/x1"] == pytest.approx(-5 * (1 - 0.4 * 0.2) ** 20, rel=1e-4)
    assert summary["metrics"]["train/x2"] == pytest.approx(-2 * (1 - 0.4 * 4) ** 20, rel=1e-3)
    with Image.open("run/path.png") as picture:
        assert picture.size == (716, 528)
    events = EventAccumulator("run")
    events.Reload()
    (image,) = events.Images("path")
    assert (image.step, image.width, image.height) == (20, 716, 528)


def test_a_run_that_diverges_has_its_picture_too(cli: Cli) -> None:
    code, _, err = cli(*POINT, "optim.lr=0.6", "folder=run")
    summary = Run("run").summary
    assert (code, summary["status"], summary["step"]) == (1, "diverged", 8)
    assert Path("run/path.png").stat().st_size > 10_000
    assert "Try a smaller optim.lr (now 0.6)" in err


@pytest.mark.slow
def test_newton_through_the_command_line(cli: Cli) -> None:
    assert cli(*POINT, "optim=newton", "folder=run")[0] == 0
    goal = Run("run").summary["goal"]
    assert goal["best"] == 0 and goal["best_step"] == 1
    assert cli("optim=newton", "device=cpu", "folder=other")[0] == 2
    assert not Path("other").exists()


@pytest.mark.slow
def test_learns_and_goes_on_where_it_stopped(cli: Cli) -> None:
    """Twenty steps at once, or ten and then ten more: the same path, to the function's least value."""
    typed = [*POINT, "optim=adagrad", "optim.lr=2"]
    assert cli(*typed, "folder=whole")[0] == 0
    assert cli(*typed, "trainer.epochs=10", "folder=parts")[0] == 0
    assert cli("resume", "parts", "trainer.epochs=20")[0] == 0
    states = [Run(name).state()["task"]["path"] for name in ("whole", "parts")]
    assert states[0].equal(states[1]) and states[0].shape == (21, 2)
    assert states[0][-1].tolist() == pytest.approx([0.0, 0.0], abs=0.01)
