"""Regression: numbers from numbers, by squared error (book 3.1)."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from dlrun.data.base import Schema
from dlrun.errors import UserError
from dlrun.metric import Mean, absolute_error, r2, squared_error
from dlrun.task.base import Answer, Batches, Example, Inputs, StepOutput, Task, in_place, read_each
from dlrun.terminal.plain import amount

Goal = Literal["min mse", "min rmse", "min mae", "max r2"]
Metric = Literal["mse", "rmse", "mae", "r2"]


class Batch(NamedTuple):
    x: Tensor  # (B, F) scaled
    y: Tensor  # (B, outputs) scaled


class Regress(Task):
    """The loss is the course's squared error, half of the mse, in the data's scaled units.

    `metrics` are reported, the goal's always: r2 of evaluations alone; mse, rmse and mae in the scaled `units`, or in
    the target's own. rmse is the root of the mse, also of several outputs.
    """

    baseline_answer = "always the training part's mean"

    def __init__(self, schema: Schema, *, goal: Goal, metrics: list[Metric], units: Literal["scaled", "own"]):
        super().__init__(schema)
        self.goal, self.reported = goal, list(dict.fromkeys([*metrics, goal.split()[1]]))
        self.scale = schema.y_scale if units == "own" else None  # undone before anything is measured
        if (schema.inputs, schema.targets) != ("table", "number"):
            raise UserError(
                "task=regress needs numbers to predict from numbers; pick data=airfoil or synthetic_linear."
            )

    def batches(self, split: str, batch_size: int, *, seed: int, epoch: int, start: int = 0) -> Batches:
        part, order = self.splits[split], self.order(split, seed=seed, epoch=epoch)
        assert part.y is not None
        y = part.y

        def make(index: int) -> Batch:
            chosen = order[index * batch_size : (index + 1) * batch_size]
            return Batch(self.scaled(part.x[chosen]), self.scaled_target(y[chosen]))

        return Batches(make, -(-len(order) // batch_size), start)

    def step(self, model: nn.Module, batch: Batch) -> StepOutput:
        return self.scored(model(batch.x), batch.y, whole=not model.training)

    def scored(self, answers: Tensor, y: Tensor, *, whole: bool) -> StepOutput:
        """(B, outputs) scaled twice; `whole` keeps the answers where a metric needs all of them."""
        errors = squared_error(answers, y)
        loss, n = errors.mean() / 2, len(errors)
        kept = (answers, y) if whole and "r2" in self.reported else None
        if self.scale is not None:
            std = self.scale.std.to(y.device)
            answers, y = answers.float() * std, y * std  # the means would cancel out, and only cost digits
            errors = squared_error(answers, y)
        values = {"mse": errors} if {"mse", "rmse"} & set(self.reported) else {}
        values |= {"mae": absolute_error(answers, y)} if "mae" in self.reported else {}
        return StepOutput(loss, values, n, kept)

    def report(self, means: dict[str, float]) -> dict[str, float]:
        if "rmse" in self.reported:
            means = means | {"rmse": math.sqrt(means["mse"])}
        return {name: value for name, value in means.items() if name != "mse" or name in self.reported}

    def score(self, answers: Tensor, y: Tensor) -> dict[str, float]:
        return {"r2": r2(answers, y)}

    def baseline(self, split: str) -> dict[str, float]:
        train, y = (self.scaled_target(part) for name in ("train", split) if (part := self.splits[name].y) is not None)
        mean, means = train.float().mean(dim=0).expand_as(y), Mean()
        means.add(self.scored(mean, y, whole=False))
        return self.report(means.means()) | (self.score(mean.cpu(), y.cpu()) if "r2" in self.reported else {})

    def scaled(self, x: Tensor) -> Tensor:
        return x if self.schema.x_scale is None else self.schema.x_scale.apply(x)

    def scaled_target(self, y: Tensor) -> Tensor:
        return y if self.schema.y_scale is None else self.schema.y_scale.apply(y)

    @torch.no_grad()
    def predict(self, model: nn.Module, examples: Sequence[Example]) -> list[Answer | UserError]:
        """`1000, 0, 0.3, 71, 0.002`, or a row of one's own table -> [("value", 121.3)], in the data's own units."""
        (x,), problems = rows(self.schema, examples)
        y = model(self.scaled(x.to(self.device))) if len(x) else x.new_empty(0, self.schema.sizes["outputs"])
        y = y if self.schema.y_scale is None else self.schema.y_scale.undo(y)
        names = ["value"] if y.shape[1] == 1 else [f"value {number}" for number in range(1, y.shape[1] + 1)]
        return in_place(len(examples), [list(zip(names, each, strict=True)) for each in y.tolist()], problems)


def rows(schema: Schema, examples: Sequence[Example]) -> Inputs:
    """(N, F) unscaled numbers of a table's rows, by the columns of the user's own table where there are some."""
    if schema.columns is not None:
        from dlrun.tabular.rows import encoded

        x, problems = encoded(examples, schema.columns)
        return Inputs((torch.from_numpy(x),), problems)
    count = schema.sizes["in_features"]
    found, problems = read_each(examples, lambda example: torch.tensor(numbers_in(example, count)))
    return Inputs((torch.stack(found) if found else torch.empty(0, count),), problems)


def numbers_in(example: Example, wanted: int) -> list[float]:
    """`1, 2.5` -> [1.0, 2.5]; UserError unless it is `wanted` finite numbers."""
    values = example.split(",") if isinstance(example, str) else list(example.values())
    try:
        numbers = [float(str(value)) for value in values]
    except ValueError:
        numbers = []
    if len(numbers) != wanted or not all(map(math.isfinite, numbers)):
        how = f"Type them with commas: {','.join(['0'] * wanted)}" if wanted > 1 else "Type one."
        raise UserError(f"{example!r} is not {amount(wanted, 'number')}. {how}")
    return numbers
