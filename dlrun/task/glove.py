"""How often words stand near each other, and a model of the logarithm of it (Pennington 2014; book 10.5, 14.5)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from dlrun.data.base import Data, Schema
from dlrun.errors import UserError
from dlrun.limits import PositiveFloat, PositiveInt, Reach
from dlrun.task.base import Batches, StepOutput, Task, generator
from dlrun.task.word2vec import frequent_words


class Cells(NamedTuple):
    """The co-occurrence matrix where it is not 0; each pair of different words stands there in both orders."""

    centres: Tensor  # (P,) int32
    contexts: Tensor  # (P,) int32
    counts: Tensor  # (P,) float32

    def at(self, chosen: Tensor) -> Cells:
        return Cells(self.centres[chosen].long(), self.contexts[chosen].long(), self.counts[chosen])


class Glove(Task):
    """Two words d apart in a text, d <= `window`, count 1/d. Words that occur less than `min_count` times are skipped.

    A count weighs (count / x_max) ** alpha, at most 1, so that rare ones, which are mostly chance, say little.
    Only the training part is counted: counts of a smaller part are smaller ones, so its loss would tell nothing.
    ptb has 2.9 million cells at window 10, counted in 3 s on one slow core; a cell takes 12 bytes.
    """

    goal = "min loss"

    def __init__(
        self, schema: Schema, *, window: Reach, min_count: PositiveInt, x_max: PositiveFloat, alpha: PositiveFloat
    ):
        super().__init__(schema)
        if schema.vocab is None or schema.inputs != "text":
            raise UserError("Word vectors need text; pick data=ptb, imdb or jaychou_lyrics.")
        self.vocab = schema.vocab
        self.sizes = {"counted_words": len(self.vocab)}
        self.window, self.min_count, self.x_max, self.alpha = window, min_count, x_max, alpha
        self.counted: Cells | None = None

    def attach(self, data: Data) -> None:
        self.splits = {"train": data.train}

    def to(self, device: torch.device) -> None:
        super().to(device)
        self.counted = None

    @property
    def cells(self) -> Cells:
        """Counted when first asked for, on the CPU: a run that is only looked at need not wait for it."""
        if self.counted is None:
            train, words = self.splits["train"], len(self.vocab)
            counts = torch.bincount(train.x.cpu(), minlength=words)
            often = frequent_words(train, counts.where(counts >= self.min_count, 0))
            cells = Cells(*(part.to(self.device) for part in cooccurrences(*often, self.window, words)))
            if not len(cells.counts):
                raise UserError(f"task.min_count={self.min_count} leaves no two words together. Type a smaller one.")
            self.counted = cells
        return self.counted

    def capacity(self) -> int:
        return len(self.cells.counts)

    def batches(self, split: str, batch_size: int, *, seed: int, epoch: int, start: int = 0) -> Batches:
        cells = self.cells
        order = torch.randperm(len(cells.counts), generator=generator(seed, epoch)).to(self.device)

        def make(index: int) -> Cells:
            return cells.at(order[index * batch_size : (index + 1) * batch_size])

        return Batches(make, -(-len(order) // batch_size), start)

    def step(self, model: nn.Module, batch: Cells) -> StepOutput:
        weight = (batch.counts / self.x_max).clamp(max=1) ** self.alpha  # (B,)
        error = model(batch.centres, batch.contexts) - batch.counts.log()
        return StepOutput((weight * error**2).mean(), {}, len(batch.counts))


def cooccurrences(words: Tensor, text: Tensor, window: int, size: int) -> Cells:
    """(N,) words below `size` and (N,) which text each stands in -> their counts. The loop is over distances."""
    keys, weights = [], []
    for distance in range(1, min(window, len(words) - 1) + 1):
        left, right = words[:-distance].long(), words[distance:].long()
        pair = torch.minimum(left, right) * size + torch.maximum(left, right)  # both orders are one: half the sorting
        key, times = pair[text[:-distance] == text[distance:]].unique(return_counts=True)
        keys.append(key)
        weights.append(times.double() / distance)
    if not keys:
        return Cells(words.int(), words.int(), words.float()).at(words.new_empty(0, dtype=torch.int64))
    key, where = torch.cat(keys).unique(return_inverse=True)
    counts = torch.bincount(where, weights=torch.cat(weights), minlength=len(key)).float()
    low, high = (key // size).int(), (key % size).int()
    differ = low != high
    counts = counts.where(differ, 2 * counts)  # a word beside itself is met from both sides
    both = (torch.cat([low, high[differ]]), torch.cat([high, low[differ]]))
    return Cells(*both, torch.cat([counts, counts[differ]]))
