"""Does the exported model answer as the one in dlrun? Both are asked the same, one batch after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from dlrun.errors import UserError
from dlrun.export.interface import Interface, example
from dlrun.task.base import Task
from dlrun.task.classify import Classify
from dlrun.task.lm import LanguageModel
from dlrun.task.regress import Regress
from dlrun.task.translate import Translate

TOLERANCE = 1e-4  # of the largest number that was answered, or of 1: sums are made in another order
DRAWN = 8  # batches, where there is no data

Run = Callable[..., list[Tensor]]


class Question(NamedTuple):
    inputs: tuple[Tensor, ...]  # without a language model's state
    fresh: bool = True  # the state starts anew


class Found(NamedTuple):
    """The largest difference of two numbers, the largest that is allowed, and how many rows were asked."""

    largest: float
    allowed: float
    rows: int

    @property
    def good(self) -> bool:
        return self.largest <= self.allowed  # not of NaN


def of_split(task: Task, split: str, batch_size: int) -> Iterator[Question]:
    for batch in task.batches(split, batch_size, seed=0, epoch=0):
        if isinstance(task, LanguageModel):
            yield Question((batch.ids,), batch.fresh)
        elif isinstance(task, Translate):
            yield Question((batch.source, batch.lengths, batch.target))
        else:
            yield Question((batch.x,) if isinstance(task, Regress) else batch.inputs)


def drawn(task: Task) -> Iterator[Question]:
    """Without data: numbers and tokens of no meaning, in batches of several sizes and lengths."""
    for number in range(DRAWN):
        rows, steps = (1, 2, 5)[number % 3], (1, 9, 30)[number % 3]
        if isinstance(task, LanguageModel):
            ids = torch.randint(task.size("vocab_size"), (2, steps), generator=torch.Generator().manual_seed(number))
            yield Question((ids,), fresh=number == 0)
        else:
            assert isinstance(task, Regress | Classify | Translate)
            yield Question(tuple(example(task, rows, steps, seed=number)[0].values()))


@torch.no_grad()
def compared(interface: Interface, run: Run, questions: Iterator[Question]) -> Found:
    """A language model's state goes on from batch to batch, each model's own."""
    largest, size, rows = 0.0, 1.0, 0
    ours: list[Tensor] = []
    theirs: list[Tensor] = []
    for inputs, fresh in questions:
        if fresh:
            ours = theirs = interface.first_state(len(inputs[0]))
        answer = interface.net(*inputs, *ours)
        wanted = list(answer) if isinstance(answer, tuple) else [answer]
        if wanted[0].isnan().any():
            raise UserError("The model itself answers what is no number (NaN), so that nothing can be compared.")
        got = run(*inputs, *theirs)
        ours, theirs, rows = wanted[1:], got[1:], rows + len(inputs[0])
        difference = float((got[0] - wanted[0]).abs().max())
        largest = max(largest, difference) if difference == difference else torch.inf
        size = max(size, float(wanted[0].abs().max()))
    return Found(largest, TOLERANCE * size, rows)
