"""Classification, by cross entropy (book 3.4): of a table's rows here, of images and texts in the files beside it."""

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from dlrun.data.base import Data, Schema
from dlrun.errors import UserError
from dlrun.limits import Fraction, NonNegativeFloat
from dlrun.metric import accuracy, auc, f1, log_loss, top5
from dlrun.model.base import Output
from dlrun.task.base import Answer, Batches, Example, Inputs, StepOutput, Task, in_place
from dlrun.task.regress import rows

EACH: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"accuracy": accuracy, "log_loss": log_loss, "top5": top5}
WHOLE: dict[str, Callable[[Tensor, Tensor], float]] = {"f1": f1, "auc": auc}  # of all answers of a part
Goal = Literal["max accuracy", "max f1", "max auc", "min log_loss", "max top5"]
Metric = Literal["accuracy", "f1", "auc", "log_loss", "top5"]
Weights = Literal["balanced"]
TASKS = {"table": "classify", "image": "classify_images", "text": "classify_texts"}  # what tells what apart


class Batch(NamedTuple):
    inputs: tuple[Tensor, ...]  # images and tables: (B, ...) scaled; texts: (B, T) ids and (B,) lengths
    y: Tensor  # (B,) classes
    place: tuple[int, ...]  # (seed, epoch, number in the pass): what is drawn for this batch comes from it alone


class Classify(Task):
    """The loss in nats. What changes training is there while training only, so that losses can be compared:
    `label_smoothing`, `class_weights` and the losses of side heads.

    `metrics` are reported, the goal's always; f1 (the mean over the classes) and auc of evaluations alone.
    """

    baseline_answer = "always the most frequent class"
    kind: ClassVar[str] = "table"

    def __init__(
        self,
        schema: Schema,
        *,
        goal: Goal,
        metrics: list[Metric],
        class_weights: Weights | None,
        label_smoothing: Fraction,
        auxiliary_weight: NonNegativeFloat,
    ):
        super().__init__(schema)
        if schema.targets != "class" or schema.inputs not in TASKS:
            raise UserError("task=classify needs examples with a class each; pick data=fashion_mnist or imdb.")
        if schema.inputs != self.kind:
            raise UserError(f"task={TASKS[self.kind]} is not for {schema.inputs}s. Type task={TASKS[schema.inputs]}.")
        self.goal, self.reported = goal, list(dict.fromkeys([*metrics, goal.split()[1]]))
        if "top5" in self.reported and schema.sizes["outputs"] <= 5:
            raise UserError(f"top5 needs more than 5 classes, and there are {schema.sizes['outputs']}. Leave it out.")
        self.class_weights, self.weights = class_weights, torch.empty(0)
        self.label_smoothing, self.auxiliary_weight = label_smoothing, auxiliary_weight

    def attach(self, data: Data) -> None:
        super().attach(data)
        if self.class_weights == "balanced":
            counts = self.counts("train")
            self.weights = balanced(counts)
            self.note = without_examples([self.label(number) for number in (counts == 0).nonzero().flatten().tolist()])

    def to(self, device: torch.device) -> None:
        super().to(device)
        self.weights = self.weights.to(device)

    def counts(self, split: str) -> Tensor:
        """(C,) how many examples a part has of each class."""
        y = self.splits[split].y
        assert y is not None
        return torch.bincount(y.cpu(), minlength=self.schema.sizes["outputs"])

    def label(self, number: int) -> str:
        return self.schema.labels[number] if self.schema.labels else str(number)

    def batches(self, split: str, batch_size: int, *, seed: int, epoch: int, start: int = 0) -> Batches:
        order, turn = self.arranged(split, batch_size, seed, epoch)
        part = self.splits[split]
        y = part.y
        assert y is not None

        def at(index: int) -> Tensor:
            begin = int(turn[index]) * batch_size
            return order[begin : begin + batch_size]

        def make(index: int) -> Batch:
            chosen = at(index)
            return Batch(self.chosen(split, chosen), y[chosen.to(self.device)], (seed, epoch, index))

        return Batches(make, len(turn), start, lambda index: part.prefetch(at(index)))

    def arranged(self, split: str, batch_size: int, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
        """(N,) the order of the examples, and (batches,) which batch of it comes when."""
        order = self.order(split, seed=seed, epoch=epoch).cpu()
        return order, torch.arange(-(-len(order) // batch_size))

    def chosen(self, split: str, rows: Tensor) -> tuple[Tensor, ...]:
        """(B,) numbers of examples -> what the model is given."""
        return (self.scaled(self.splits[split].examples(rows).to(self.device)),)

    def scaled(self, x: Tensor) -> Tensor:
        return x if self.schema.x_scale is None else self.schema.x_scale.apply(x)

    def step(self, model: nn.Module, batch: Batch) -> StepOutput:
        """A model answers logits; while it trains it may answer an `Output`, whose side heads each add a loss."""
        answer = model(*self.augmented(batch)) if model.training else self.logits(model, batch.inputs)
        logits, sides = (answer.logits, answer.auxiliary) if isinstance(answer, Output) else (answer, ())
        loss = self.loss(logits, batch.y, model.training)
        for side in sides:
            loss = loss + self.auxiliary_weight * self.loss(side, batch.y, model.training)
        values = {name: EACH[name](logits, batch.y) for name in self.reported if name in EACH}
        whole = not model.training and not WHOLE.keys().isdisjoint(self.reported)
        return StepOutput(loss, values, len(batch.y), (logits, batch.y) if whole else None)

    def loss(self, logits: Tensor, y: Tensor, training: bool) -> Tensor:
        """() mean over the examples."""
        smoothing = self.label_smoothing if training else 0.0
        if not training or self.class_weights is None:
            return cross_entropy(logits, y, label_smoothing=smoothing)
        # Not over the sum of the weights: with it the same example would count more in a batch of frequent classes.
        total = cross_entropy(logits.float(), y, self.weights, label_smoothing=smoothing, reduction="sum")
        return total / len(y)

    def score(self, answers: Tensor, y: Tensor) -> dict[str, float]:
        return {name: WHOLE[name](answers, y) for name in self.reported if name in WHOLE}

    def baseline(self, split: str) -> dict[str, float]:
        """The training part's most frequent class; for log_loss its classes' frequencies, for auc one score for all."""
        train, there = self.counts("train"), self.counts(split)
        n, likeliest = int(there.sum()), int(train.argmax())
        seen = there > 0
        right, occur, chances = int(there[likeliest]), int(seen.sum()), train[seen].double() / train.sum()
        loss = -(there[seen] * chances.log()).sum().item() / n
        found = {
            "accuracy": right / n,
            "top5": there[train.topk(min(5, len(train))).indices].sum().item() / n,
            "log_loss": loss,
            "f1": 2 * right / (right + n) / occur,
            "auc": 0.5 if occur > 1 else math.nan,
        }
        return {"loss": loss} | {name: found[name] for name in self.reported}

    def augmented(self, batch: Batch) -> tuple[Tensor, ...]:
        """The inputs as they are trained on."""
        return batch.inputs

    def logits(self, model: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
        """(B, classes) of a model in eval mode."""
        return model(*inputs)

    @torch.no_grad()
    def predict(self, model: nn.Module, examples: Sequence[Example]) -> list[Answer | UserError]:
        """Every label and its probability for each example, the likeliest first."""
        inputs, problems = self.read(examples)
        answers: list[Answer] = []
        if len(inputs[0]):
            logits = self.logits(model, tuple(part.to(self.device) for part in inputs))
            labels = [self.label(number) for number in range(self.schema.sizes["outputs"])]
            chances, order = logits.float().softmax(1).sort(dim=1, descending=True, stable=True)
            for row, places in zip(chances.tolist(), order.tolist(), strict=True):
                answers.append([(labels[place], chance) for place, chance in zip(places, row, strict=True)])
        return in_place(len(examples), answers, problems)

    def read(self, examples: Sequence[Example]) -> Inputs:
        """What the model is given: of a table `1,2.5`, or a row of one's own."""
        (x,), problems = rows(self.schema, examples)
        return Inputs((self.scaled(x),), problems)


def balanced(counts: Tensor) -> Tensor:
    """(C,) examples of each class -> (C,) N / (classes that occur * count), as in scikit-learn; 0 where there is none.

    Over all examples of the training part their mean is 1.
    """
    occurs = counts > 0
    return torch.where(occurs, counts.sum() / (occurs.sum() * counts), 0.0)


def without_examples(labels: list[str]) -> str:
    """What is said of classes that nothing can be learned of; "" where there are none."""
    if not labels:
        return ""
    names = ", ".join(labels[:5]) + f" and {len(labels) - 5:,} more" * (len(labels) > 5)
    return f"task.class_weights=balanced: the training part has no example of {names}: weight 0"
