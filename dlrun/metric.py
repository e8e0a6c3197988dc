"""Metrics, one function each, and their means over many steps."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor


class HasScores(Protocol):
    """What a task's step answers: see `dlrun.task.base.Scores`."""

    @property
    def loss(self) -> Tensor: ...

    @property
    def values(self) -> dict[str, Tensor]: ...

    @property
    def n(self) -> int: ...


def accuracy(logits: Tensor, y: Tensor) -> Tensor:
    """(B, C) logits, (B,) classes -> (B,) 1.0 where the likeliest class is right."""
    return (logits.argmax(dim=1) == y).float()


def squared_error(prediction: Tensor, y: Tensor) -> Tensor:
    """(B, outputs) twice -> (B,) mean over the outputs."""
    return (prediction - y).pow(2).mean(dim=1)


def bleu(predicted: Sequence[Any], reference: Sequence[Any], order: int) -> float:
    """Of a sentence against one reference: exp(min(0, 1 - |reference| / |predicted|)) times each p_k^(1 / 2^k).

    k is 1 to `order`, or the sentence's own length where that is less; p_k is the share of the predicted k-grams that
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


class Mean:
    """Means over all examples of many steps. Sums stay on the device: only `means()` waits for it."""

    def __init__(self) -> None:
        self.n = 0
        self.sums: dict[str, Tensor] = {}

    def add(self, scores: HasScores) -> None:
        self.n += scores.n
        for name, value in {"loss": scores.loss * scores.n, **scores.values}.items():
            double = torch.float32 if value.device.type == "mps" else torch.float64  # mps has no float64
            total = value.detach().sum(dtype=double)
            self.sums[name] = self.sums[name] + total if name in self.sums else total

    def take_in(self, other: Mean) -> None:
        """The other's steps as well as these."""
        self.n += other.n
        for name, total in other.sums.items():
            self.sums[name] = self.sums[name] + total if name in self.sums else total

    def means(self) -> dict[str, float]:
        return {name: (total / max(self.n, 1)).item() for name, total in self.sums.items()}

    def state_dict(self) -> dict[str, Any]:
        return {"n": self.n, "sums": dict(self.sums)}

    def load_state_dict(self, state: dict[str, Any], device: torch.device | None = None) -> None:
        self.n = state["n"]
        self.sums = {name: total.to(device) if device else total for name, total in state["sums"].items()}


class PassMean(Mean):
    """Means over one pass that also know those of its last steps, the window; a step is added up once for both."""

    def __init__(self) -> None:
        super().__init__()
        self.window = Mean()

    def add(self, scores: HasScores) -> None:
        self.window.add(scores)

    def end_window(self) -> None:
        self.take_in(self.window)
        self.window = Mean()

    def means(self) -> dict[str, float]:
        both = Mean()
        both.take_in(self)
        both.take_in(self.window)
        return both.means()

    def state_dict(self) -> dict[str, Any]:
        return self.window.state_dict() | {"before": super().state_dict()}

    def load_state_dict(self, state: dict[str, Any], device: torch.device | None = None) -> None:
        """An older checkpoint has the window alone: then the pass is counted from its beginning on."""
        self.window.load_state_dict(state, device)
        if "before" in state:
            super().load_state_dict(state["before"], device)
