"""Regression: scaled batches, the halved squared error, answers in the data's own units."""

from typing import Any

import pytest
import torch
from options import options, ready
from sklearn import metrics as reference
from torch import Tensor, nn

from dlrun.data.base import Data, Scale, Schema, Split
from dlrun.errors import UserError
from dlrun.metric import Mean
from dlrun.model.linear import Linear
from dlrun.task.regress import Regress

X_SCALE = Scale(torch.tensor([10.0, -2.0]), torch.tensor([2.0, 4.0]))
SIZES = {"in_features": 2, "outputs": 1}
Y_SCALE = Scale(torch.tensor([100.0]), torch.tensor([20.0]))


def task(count: int = 23, **chosen: Any) -> Regress:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(count, 2, generator=draw) * X_SCALE.std + X_SCALE.mean
    y = (x @ torch.tensor([[3.0], [1.0]])) + 5
    split = Split(x, y)
    schema = Schema(SIZES, "table", "number", x_scale=X_SCALE, y_scale=Y_SCALE)
    return ready(Regress, Data(split, split, None, schema), **options("task/regress", **chosen))


class Constant(nn.Module):
    def __init__(self, value: float):
        super().__init__()
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        return torch.full((len(x), 1), self.value)


def test_batches_are_scaled() -> None:
    regress = task()
    first = next(iter(regress.batches("val", 4, seed=0, epoch=0)))
    raw = regress.splits["val"]
    assert raw.y is not None
    torch.testing.assert_close(first.x, (raw.x[:4] - X_SCALE.mean) / X_SCALE.std)
    torch.testing.assert_close(first.y, (raw.y[:4] - 100) / 20)


def test_loss_is_half_the_mse_over_all_examples() -> None:
    regress, means = task(), Mean()
    for batch in regress.batches("train", 5, seed=0, epoch=0):
        means.add(regress.step(Constant(0.5), batch))
    y = regress.splits["train"].y
    assert y is not None and means.n == 23
    mse = (((y - 100) / 20 - 0.5) ** 2).mean().item()
    assert means.means() == pytest.approx({"mse": mse, "loss": mse / 2}, rel=1e-5)


def test_a_pass_can_begin_in_the_middle() -> None:
    whole = list(task().batches("train", 4, seed=3, epoch=2))
    rest = task().batches("train", 4, seed=3, epoch=2, start=2)
    assert len(rest) == len(whole) == 6
    assert all(a.x.equal(b.x) and a.y.equal(b.y) for a, b in zip(whole[2:], rest, strict=True))
    seen = torch.cat([batch.x for batch in whole])
    assert len(seen.unique(dim=0)) == 23  # each example once
    assert not whole[0].x.equal(next(iter(task().batches("train", 4, seed=3, epoch=3))).x)


def test_one_batch_of_what_there_is() -> None:
    (batch,) = task(7).batches("train", 1000, seed=0, epoch=0)
    assert len(batch.y) == 7


def test_it_learns_and_answers_in_the_data_s_units() -> None:
    torch.manual_seed(0)
    regress, model = task(200), Linear(2, 1)
    optim = torch.optim.SGD(model.parameters(), lr=0.1)
    for epoch in range(30):
        for batch in regress.batches("train", 10, seed=0, epoch=epoch):
            optim.zero_grad()
            regress.step(model, batch).loss.backward()
            optim.step()
    (answer,) = regress.predict(model, ["12, -4"])
    assert answer == [("value", pytest.approx(3 * 12 - 4 + 5, abs=0.01))]


def test_without_scales() -> None:
    split = Split(torch.rand(4, 1), torch.rand(4, 2))
    data = Data(split, None, None, Schema({"in_features": 1, "outputs": 2}, "table", "number"))
    regress = ready(Regress, data, **options("task/regress"))
    model = nn.Linear(1, 2)
    x = torch.tensor([[0.5]])
    (answer,) = regress.predict(model, ["0.5"])
    assert answer == [("value 1", model(x)[0, 0].item()), ("value 2", model(x)[0, 1].item())]


@pytest.mark.parametrize("text", ["1", "1,2,3", "1,two", "", "1,nan"])
def test_predict_refuses(text: str) -> None:
    first, answer = task().predict(Linear(2, 1), ["1,2", text])
    assert isinstance(answer, UserError) and "is not 2 numbers. Type them with commas: 0,0" in str(answer)
    assert not isinstance(first, UserError)


@pytest.mark.parametrize("targets", [None, "class"])
def test_only_numbers_can_be_predicted(targets: Any) -> None:
    with pytest.raises(UserError, match="task=regress needs numbers to predict from numbers"):
        Regress(Schema(SIZES, "table", targets), **options("task/regress"))


EVERY: dict[str, Any] = {"metrics": ["mse", "rmse", "mae", "r2"]}


@pytest.mark.parametrize("units", ["scaled", "own"])
def test_metrics_in_the_target_s_own_units(units: str) -> None:
    regress, model, means = task(units=units, **EVERY), Linear(2, 1).eval(), Mean()
    kept = []
    for batch in regress.batches("val", 5, seed=0, epoch=0):
        step = regress.step(model, batch)
        assert step.answers is not None
        kept.append(step.answers)
        means.add(step)
    found = regress.report(means.means()) | regress.score(*map(torch.cat, zip(*kept, strict=True)))
    raw = regress.splits["val"]
    assert raw.y is not None
    y, answers = (raw.y - 100) / 20, model((raw.x - X_SCALE.mean) / X_SCALE.std).detach()
    factor = 20 if units == "own" else 1
    expected = {
        "loss": reference.mean_squared_error(y, answers) / 2,  # always scaled
        "mse": reference.mean_squared_error(y * factor, answers * factor),
        "rmse": reference.root_mean_squared_error(y * factor, answers * factor),
        "mae": reference.mean_absolute_error(y * factor, answers * factor),
        "r2": reference.r2_score(y, answers),
    }
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("units", ["scaled", "own"])
def test_the_baseline_is_the_training_part_s_mean(units: str) -> None:
    regress = task(units=units, **EVERY)
    val = regress.splits["val"]
    assert val.y is not None
    regress.splits["train"] = Split(val.x[:9], val.y[:9])
    mean, factor = val.y[:9].mean(), 1 if units == "own" else 20
    answers = mean.expand_as(val.y)
    mse = reference.mean_squared_error(val.y / factor, answers / factor)
    expected = {
        "loss": reference.mean_squared_error(val.y / 20, answers / 20) / 2,
        "mse": mse,
        "rmse": mse**0.5,
        "mae": reference.mean_absolute_error(val.y / factor, answers / factor),
        "r2": reference.r2_score(val.y, answers),
    }
    assert regress.baseline("val") == pytest.approx(expected, rel=1e-4)


def test_what_is_reported_while_it_trains() -> None:
    regress = task(goal="max r2", metrics=["rmse"])
    step = regress.step(Linear(2, 1).train(), next(iter(regress.batches("train", 5, seed=0, epoch=0))))
    assert step.answers is None
    assert set(regress.report({"loss": 1.0, "mse": 4.0})) == {"loss", "rmse"}
    assert list(regress.baseline("val")) == ["loss", "rmse", "r2"]
