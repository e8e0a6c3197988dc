"""Metrics, one function each, and their means over many steps.

Those of a batch answer a value for each example, to be averaged; f1, auc and r2 are no means, and take a whole part.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from ctypes import c_float
from typing import NotRequired, Protocol, TypedDict

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, l1_loss, mse_loss

EXACT = 2**24  # whole numbers up to it are float32's, too


class HasStepOutput(Protocol):
    """What a task's step answers: see `dlrun.task.base.StepOutput`."""

    @property
    def loss(self) -> Tensor: ...

    @property
    def values(self) -> dict[str, Tensor]: ...

    @property
    def n(self) -> int: ...


def accuracy(logits: Tensor, y: Tensor) -> Tensor:
    """(B, C) logits, (B,) classes -> (B,) 1.0 where the likeliest class is right."""
    return (logits.argmax(dim=1) == y).float()


def top5(logits: Tensor, y: Tensor) -> Tensor:
    """(B, C) logits, (B,) classes -> (B,) 1.0 where the right class is among the five likeliest."""
    return (logits.topk(5).indices == y.unsqueeze(1)).any(dim=1).float()


def log_loss(logits: Tensor, y: Tensor) -> Tensor:
    """(B, C) logits, (B,) classes -> (B,) minus the log of the chance that the right class is given, nats."""
    return cross_entropy(logits.float(), y, reduction="none")


def squared_error(prediction: Tensor, y: Tensor) -> Tensor:
    """(B, outputs) twice -> (B,) mean over the outputs."""
    return over_outputs(mse_loss(prediction, y, reduction="none"))


def absolute_error(prediction: Tensor, y: Tensor) -> Tensor:
    """(B, outputs) twice -> (B,) mean over the outputs."""
    return over_outputs(l1_loss(prediction, y, reduction="none"))


def over_outputs(errors: Tensor) -> Tensor:
    """(B, outputs) -> (B,)"""
    return errors.squeeze(1) if errors.shape[1] == 1 else errors.mean(dim=1)


# of a whole part


def f1(logits: Tensor, y: Tensor) -> float:
    """(N, C) logits, (N,) classes -> F1 of each class, its mean over those that occur in `y` or among the answers."""
    answers, classes = logits.argmax(dim=1), logits.shape[1]
    right, said, true = (torch.bincount(each, minlength=classes) for each in (y[answers == y], answers, y))
    occurs = said + true > 0
    return (2 * right[occurs] / (said + true)[occurs].double()).mean().item()


def auc(logits: Tensor, y: Tensor) -> float:
    """(N, C) logits, (N,) classes -> the area under the ROC curve: of two classes, or each against the rest.

    Then it is the mean over the classes that can be told: a class that never occurs, or alone, is left out. NaN where
    all examples are of one class.
    """
    if logits.shape[1] == 2:
        return area(logits[:, 1].double() - logits[:, 0].double(), y == 1)  # chances near 1 would round to ties
    chances = logits.double().softmax(dim=1)
    areas = [area(chances[:, number], y == number) for number in range(logits.shape[1])]
    told = [each for each in areas if not math.isnan(each)]
    return sum(told) / len(told) if told else math.nan


def area(scores: Tensor, positive: Tensor) -> float:
    """(N,) scores, (N,) bool -> the chance that a positive one scores more than another, ties counted half."""
    there, others = int(positive.sum()), int((~positive).sum())
    if not there or not others or scores.isnan().any():
        return math.nan
    ordered, order = scores.sort()
    _, group, ties = ordered.unique_consecutive(return_inverse=True, return_counts=True)
    ranks = ties.cumsum(0).double() - (ties - 1) / 2  # from 1; tied scores share the middle one
    total = ranks[group[positive[order]]].sum().item()
    return float(total - there * (there + 1) / 2) / (there * others)


def r2(prediction: Tensor, y: Tensor) -> float:
    """(N, outputs) twice -> 1 - squared errors / squared distances from the mean of `y`, the mean over the outputs.

    An output that never varies counts 1 where it is met to the bit, otherwise 0. NaN for fewer than two examples.
    """
    if len(y) < 2:
        return math.nan
    prediction, y = prediction.double(), y.double()
    errors, spread = ((other - y).square().sum(dim=0) for other in (prediction, y.mean(dim=0)))
    return torch.where(spread > 0, 1 - errors / spread, (errors == 0).double()).mean().item()


def bleu(predicted: Sequence[object], reference: Sequence[object], order: int) -> float:
    """Of a sentence against one reference: exp(min(0, 1 - |reference| / |predicted|)) times each p_k^(1 / 2^k).

    k is 1 to `order`, or the sentence's own length where that is less; p_k is the fraction of predicted k-grams that
    the reference has too, each at most as often. Papineni 2002, as book 9.7 and 10.12 have it: long k-grams weigh more.
    """
    if not predicted:
        return 0.0
    score = math.exp(min(0.0, 1 - len(reference) / len(predicted)))
    for k in range(1, min(order, len(predicted)) + 1):
        here, there = (
            Counter(tuple(words[i : i + k]) for i in range(len(words) - k + 1)) for words in (predicted, reference)
        )
        score *= ((here & there).total() / here.total()) ** 0.5**k
    return score


class Sums(TypedDict):
    """What a checkpoint keeps of a `Mean`; `before`: of the pass until its last window."""

    n: int
    sums: dict[str, Tensor]
    before: NotRequired[Sums]


class Mean:
    """Means over all examples of many steps. Sums are numbers; where to read one would wait for the device they stay on

    it as () tensors (`on_device`), and only `means()` waits. Both are the same to the bit.
    """

    def __init__(self, *, on_device: bool = False) -> None:
        self.on_device = on_device
        self.n = 0
        self.sums: dict[str, Tensor | float] = {}

    def add(self, scores: HasStepOutput) -> None:
        self.n += scores.n
        if "loss" not in scores.values:
            self.put("loss", self.times(scores.loss, scores.n))
        for name, value in scores.values.items():
            self.put(name, self.total(value))

    def put(self, name: str, total: Tensor | float) -> None:
        self.sums[name] = self.sums[name] + total if name in self.sums else total

    def total(self, value: Tensor) -> Tensor | float:
        total = value.detach().sum(dtype=torch.float32 if value.is_mps else torch.float64)  # mps has no float64
        return total if self.on_device else total.item()

    def times(self, loss: Tensor, n: int) -> Tensor | float:
        """Without a kernel: the product of a float32 and such an n fits into a double, and is rounded once as well."""
        if self.on_device or loss.dtype != torch.float32 or n > EXACT:
            return self.total(loss.detach() * n)
        return c_float(loss.item() * n).value

    def take_in(self, other: Mean) -> None:
        """The other's steps as well as these."""
        self.n += other.n
        for name, total in other.sums.items():
            self.put(name, total)

    def means(self) -> dict[str, float]:
        return {name: float(total / max(self.n, 1)) for name, total in self.sums.items()}

    def state_dict(self) -> Sums:
        sums = {name: torch.tensor(float(total), dtype=torch.float64) for name, total in self.sums.items()}
        return {"n": self.n, "sums": sums}

    def load_state_dict(self, state: Sums) -> None:
        """Sums that are read from a file are numbers, which add to those on a device as well."""
        self.n = state["n"]
        self.sums = {name: total.item() for name, total in state["sums"].items()}


class PassMean(Mean):
    """Means over one pass that also know those of its last steps, the window; a step is added up once for both."""

    def __init__(self, *, on_device: bool = False) -> None:
        super().__init__(on_device=on_device)
        self.window = Mean(on_device=on_device)

    def add(self, scores: HasStepOutput) -> None:
        self.window.add(scores)

    def end_window(self) -> None:
        self.take_in(self.window)
        self.window = Mean(on_device=self.on_device)

    def means(self) -> dict[str, float]:
        both = Mean()
        both.take_in(self)
        both.take_in(self.window)
        return both.means()

    def state_dict(self) -> Sums:
        return self.window.state_dict() | {"before": super().state_dict()}

    def load_state_dict(self, state: Sums) -> None:
        """An older checkpoint has the window alone: then the pass is counted from its beginning on."""
        self.window.load_state_dict(state)
        if "before" in state:
            super().load_state_dict(state["before"])
