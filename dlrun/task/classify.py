"""Classification, by cross entropy (book 3.4): of a table's rows here, of images and texts in the files beside it."""

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from dlrun.data.base import Schema
from dlrun.errors import UserError
from dlrun.limits import Fraction, NonNegativeFloat
from dlrun.metric import accuracy
from dlrun.model.base import Output
from dlrun.task.base import Batches, StepOutput, Task
from dlrun.task.regress import numbers_in

TASKS = {"table": "classify", "image": "classify_images", "text": "classify_texts"}  # what tells what apart


class Batch(NamedTuple):
    inputs: tuple[Tensor, ...]  # images and tables: (B, ...) scaled; texts: (B, T) ids and (B,) lengths
    y: Tensor  # (B,) classes
    place: tuple[int, ...]  # (seed, epoch, number in the pass): what is drawn for this batch comes from it alone


class Classify(Task):
    """The loss in nats. What makes training harder is there while training only, so that losses can be compared:
    `label_smoothing` and the losses of side heads."""

    goal = "max accuracy"
    kind: ClassVar[str] = "table"

    def __init__(self, schema: Schema, *, label_smoothing: Fraction, auxiliary_weight: NonNegativeFloat):
        super().__init__(schema)
        if schema.targets != "class" or schema.inputs not in TASKS:
            raise UserError("task=classify needs examples with a class each; pick data=fashion_mnist or imdb.")
        if schema.inputs != self.kind:
            raise UserError(f"task={TASKS[self.kind]} is not for {schema.inputs}s. Type task={TASKS[schema.inputs]}.")
        self.label_smoothing, self.auxiliary_weight = label_smoothing, auxiliary_weight

    def batches(self, split: str, batch_size: int, *, seed: int, epoch: int, start: int = 0) -> Batches:
        order, turn = self.arranged(split, batch_size, seed, epoch)
        y = self.splits[split].y
        assert y is not None

        def make(index: int) -> Batch:
            begin = int(turn[index]) * batch_size
            chosen = order[begin : begin + batch_size]
            return Batch(self.chosen(split, chosen), y[chosen.to(self.device)], (seed, epoch, index))

        return Batches(make, len(turn), start)

    def arranged(self, split: str, batch_size: int, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
        """(N,) the order of the examples, and (batches,) which batch of it comes when."""
        order = self.order(split, seed=seed, epoch=epoch).cpu()
        return order, torch.arange(-(-len(order) // batch_size))

    def chosen(self, split: str, rows: Tensor) -> tuple[Tensor, ...]:
        """(B,) numbers of examples -> what the model is given."""
        return (self.scaled(self.splits[split].x[rows.to(self.device)]),)

    def scaled(self, x: Tensor) -> Tensor:
        return x if self.schema.x_scale is None else self.schema.x_scale.apply(x)

    def step(self, model: nn.Module, batch: Batch) -> StepOutput:
        """A model answers logits; while it trains it may answer an `Output`, whose side heads each add a loss."""
        answer = model(*self.augmented(batch)) if model.training else self.logits(model, batch.inputs)
        logits, sides = (answer.logits, answer.auxiliary) if isinstance(answer, Output) else (answer, ())
        smoothing = self.label_smoothing if model.training else 0.0
        loss = cross_entropy(logits, batch.y, label_smoothing=smoothing)
        for side in sides:
            loss = loss + self.auxiliary_weight * cross_entropy(side, batch.y, label_smoothing=smoothing)
        return StepOutput(loss, {"accuracy": accuracy(logits, batch.y)}, len(batch.y))

    def augmented(self, batch: Batch) -> tuple[Tensor, ...]:
        """The inputs as they are trained on."""
        return batch.inputs

    def logits(self, model: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
        """(B, classes) of a model in eval mode."""
        return model(*inputs)

    @torch.no_grad()
    def predict(self, model: nn.Module, text: str) -> list[tuple[str, float]]:
        """What is typed for an example -> every label and its probability, likeliest first; the model in eval mode.

        UserError for an input that is none of what the data is made of.
        """
        logits = self.logits(model, tuple(part.to(self.device) for part in self.read(text)))
        labels = self.schema.labels or [str(number) for number in range(self.sizes["outputs"])]
        answers = zip(labels, logits[0].float().softmax(0).tolist(), strict=True)
        return sorted(answers, key=lambda answer: -answer[1])

    def read(self, text: str) -> tuple[Tensor, ...]:
        """`1,2.5` -> what the model is given of one example."""
        return (self.scaled(torch.tensor([numbers_in(text, self.sizes["in_features"])])),)
