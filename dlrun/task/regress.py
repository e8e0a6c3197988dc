"""Regression: numbers from numbers, by squared error (book 3.1)."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dlrun.data.base import Schema
from dlrun.errors import UserError
from dlrun.metric import squared_error
from dlrun.task.base import Batches, StepOutput, Task


class Batch(NamedTuple):
    x: Tensor  # (B, F) scaled
    y: Tensor  # (B, outputs) scaled


class Regress(Task):
    """The loss is the course's squared error, half of the mse; both in the data's scaled units."""

    goal = "min mse"

    def __init__(self, schema: Schema):
        super().__init__(schema)
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
        errors = squared_error(model(batch.x), batch.y)
        return StepOutput(errors.mean() / 2, {"mse": errors}, len(errors))

    def scaled(self, x: Tensor) -> Tensor:
        return x if self.schema.x_scale is None else self.schema.x_scale.apply(x)

    def scaled_target(self, y: Tensor) -> Tensor:
        return y if self.schema.y_scale is None else self.schema.y_scale.apply(y)

    @torch.no_grad()
    def predict(self, model: nn.Module, text: str) -> list[tuple[str, float]]:
        """`1000, 0, 0.3, 71, 0.002` -> [("value", 121.3)], in the data's own units; the model is to be in eval mode."""
        numbers = numbers_in(text, self.sizes["in_features"])
        y = model(self.scaled(torch.tensor([numbers], device=self.device)))
        y = y if self.schema.y_scale is None else self.schema.y_scale.undo(y)
        return [("value" if y.shape[1] == 1 else f"value {i + 1}", each) for i, each in enumerate(y[0].tolist())]


def numbers_in(text: str, wanted: int) -> list[float]:
    """`1, 2.5` -> [1.0, 2.5]; UserError unless it is `wanted` finite numbers."""
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != wanted or not all(map(math.isfinite, numbers)):
        raise UserError(f"{text!r} is not {wanted} numbers. Type them with commas: {','.join(['0'] * wanted)}")
    return numbers
