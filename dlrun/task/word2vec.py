"""Word vectors from raw text: skip-gram and CBOW (Mikolov 2013, arXiv 1301.3781, 1310.4546; book 10.1 to 10.3, 14.3).

The batches are made, not read: each pass draws anew which words stay and how far a word looks.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, softplus

from dlrun.data.base import Data, Schema, Split
from dlrun.errors import UserError
from dlrun.limits import PositiveFloat, PositiveInt, Reach
from dlrun.task.base import Batches, StepOutput, Task, generator
from dlrun.text.huffman import Tree, huffman

NONE = -1  # in a row of inputs: no word stands there
NOISE_POWER = 0.75  # negatives are drawn from frequency ** 0.75 (Mikolov 2013, section 2.2)


class Examples(NamedTuple):
    """One pass over a split. Skip-gram: a centre and one of its neighbours; CBOW: all neighbours and their centre."""

    inputs: Tensor  # (P, I) int32; NONE where a centre has fewer neighbours
    targets: Tensor  # (P,) int32
    order: Tensor  # (P,) in which they are taken


class Batch(NamedTuple):
    inputs: Tensor  # (B, I)
    mask: Tensor | None  # (B, I) which inputs count; None: all
    targets: Tensor  # (B, K) words or inner nodes; (B,) words under the full softmax
    signs: Tensor | None  # (B, K) 1: this score should be high, -1: low, 0: left out


class Word2Vec(Task):
    """`window`: each centre looks 1 to `window` words to both sides, never over a text's border.

    `subsample` t: a word of frequency f stays with probability min(1, sqrt(t / f)); words that went leave no gap.
    `negatives` is used by loss=negative_sampling alone. Words that occur less than `min_count` times are skipped and
    keep the vectors they began with. Evaluation draws the same pairs and negatives each time.
    An epoch of ptb is about 2.2 million pairs of skip-gram, made in 0.2 s; they take 8 bytes each (CBOW: 44).
    """

    goal = "min loss"

    def __init__(
        self,
        schema: Schema,
        *,
        method: Literal["skipgram", "cbow"],
        window: Reach,
        subsample: PositiveFloat | None,
        min_count: PositiveInt,
        loss: Literal["negative_sampling", "hierarchical_softmax", "softmax"],
        negatives: PositiveInt,
    ):
        super().__init__(schema)
        if schema.vocab is None or schema.inputs != "text":
            raise UserError("Word vectors need text; pick data=ptb, imdb or jaychou_lyrics.")
        self.vocab = vocab = schema.vocab
        self.sizes = {"words": len(vocab), "spelling": [vocab.text([number]) for number in range(len(vocab))]}
        self.method, self.window, self.loss, self.negatives = method, window, loss, negatives
        self.subsample, self.min_count = subsample, min_count
        self.made: dict[
            str, tuple[tuple[int, int], Examples]
        ] = {}  # split -> its last pass: asked for again, it's free

    def attach(self, data: Data) -> None:
        super().attach(data)
        counts = torch.bincount(data.train.x.cpu(), minlength=len(self.vocab))
        self.counts = counts.where(counts >= self.min_count, 0)  # (V,)
        if int((self.counts > 0).sum()) < 2:
            raise UserError(f"task.min_count={self.min_count} leaves fewer than two words. Type a smaller one.")
        self.keep = keep_probability(self.counts, self.subsample)  # (V,)
        self.noise = self.counts.double().pow(NOISE_POWER).cumsum(0)  # (V,)
        self.tree: Tree | None = huffman(self.counts) if self.loss == "hierarchical_softmax" else None
        self.texts = {name: frequent_words(split, self.counts) for name, split in self.splits.items()}

    def to(self, device: torch.device) -> None:
        super().to(device)
        self.tree = None if self.tree is None else self.tree.to(device)
        self.made.clear()

    def capacity(self) -> int:
        """Centres, of which each makes at least one pair: batches up to that size are surely filled."""
        words, _ = self.texts["train"]
        return int(self.keep[words.long()].sum())

    def batches(self, split: str, batch_size: int, *, seed: int, epoch: int, start: int = 0) -> Batches:
        if split != "train":
            seed, epoch = 0, 0
        examples = self.examples(split, seed, epoch)

        def make(index: int) -> Batch:
            chosen = examples.order[index * batch_size : (index + 1) * batch_size]
            inputs, targets = examples.inputs[chosen].long(), examples.targets[chosen].long()
            mask = None if self.method == "skipgram" else inputs != NONE
            wanted, signs = self.wanted(targets, lambda: generator(seed, epoch, index))
            return Batch(inputs.clamp(min=0), mask, wanted, signs)

        return Batches(make, -(-len(examples.order) // batch_size), start)

    def examples(self, split: str, seed: int, epoch: int) -> Examples:
        """The pass (seed, epoch), drawn on the CPU so that it is the same on every device."""
        if self.made.get(split, (None,))[0] != (seed, epoch):
            self.made.pop(split, None)  # before the next one is made: two would take twice the memory
            draw = generator(seed, epoch)
            words, text = self.texts[split]
            stays = torch.rand(len(words), generator=draw) < self.keep[words.long()]
            pair = skipgram_pairs if self.method == "skipgram" else cbow_rows
            inputs, targets = pair(words[stays], text[stays], self.window, draw)
            order = torch.randperm(len(targets), generator=draw) if split == "train" else torch.arange(len(targets))
            made = Examples(inputs.to(self.device), targets.to(self.device), order.to(self.device))
            self.made[split] = ((seed, epoch), made)
        return self.made[split][1]

    def wanted(self, words: Tensor, draw: Callable[[], torch.Generator]) -> tuple[Tensor, Tensor | None]:
        """(B,) words to predict -> (B, K) what is scored and the signs its scores should have."""
        if self.tree is not None:
            return self.tree.nodes[words], self.tree.signs[words]
        if self.loss == "softmax":
            return words, None
        drawn = torch.rand(len(words), self.negatives, generator=draw(), dtype=torch.float64) * self.noise[-1]
        noise = torch.searchsorted(self.noise, drawn, right=True).to(words.device)  # (B, K)
        word = words.unsqueeze(1)
        signs = torch.cat(
            [torch.ones_like(word), -(noise != word).long()], dim=1
        )  # a hit of the word itself is left out
        return torch.cat([word, noise], dim=1), signs

    def step(self, model: nn.Module, batch: Batch) -> StepOutput:
        n = len(batch.targets)
        if batch.signs is None:
            loss = cross_entropy(model(batch.inputs, batch.mask), batch.targets)
        else:
            scores = model(batch.inputs, batch.mask, batch.targets)
            loss = (softplus(-batch.signs * scores) * batch.signs.abs()).sum() / n  # -log sigmoid(sign * score)
        return StepOutput(loss, {}, n)


def keep_probability(counts: Tensor, subsample: float | None) -> Tensor:
    """(V,) occurrences -> (V,) the fraction of each word's occurrences that stays in a pass."""
    if subsample is None:
        return torch.ones(len(counts))
    frequency = counts / counts.sum()
    return (subsample / frequency).sqrt().clamp(max=1)  # sqrt(t / 0) is inf: 1, and no such word is ever asked for


def frequent_words(split: Split, counts: Tensor) -> tuple[Tensor, Tensor]:
    """(N,) int32 the split's words without the rare ones, and (N,) int32 which text each stands in."""
    assert split.offsets is not None
    words, offsets = split.x.cpu(), split.offsets.cpu()
    text = torch.arange(len(offsets) - 1, dtype=torch.int32).repeat_interleave(offsets[1:] - offsets[:-1])
    often = counts[words.long()] > 0
    return words[often].int(), text[often]


def skipgram_pairs(words: Tensor, text: Tensor, window: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """(N,) words -> (P, 1) centres and (P,) their neighbours. The loop is over distances, not over words."""
    reach = torch.randint(1, window + 1, (len(words),), generator=draw)
    centres, neighbours = [], []
    for distance in range(1, min(window, len(words) - 1) + 1):
        left, right = words[:-distance], words[distance:]
        same = text[:-distance] == text[distance:]
        looks_right = same & (reach[:-distance] >= distance)
        looks_left = same & (reach[distance:] >= distance)
        centres += [left[looks_right], right[looks_left]]
        neighbours += [right[looks_right], left[looks_left]]
    if not centres:
        return words.new_empty(0, 1), words.new_empty(0)
    return torch.cat(centres).unsqueeze(1), torch.cat(neighbours)


def cbow_rows(words: Tensor, text: Tensor, window: int, draw: torch.Generator) -> tuple[Tensor, Tensor]:
    """(N,) words -> (P, 2 * window) neighbours, NONE past reach or border, and (P,) centres: those that have any."""
    reach = torch.randint(1, window + 1, (len(words),), generator=draw)
    rows = torch.full((len(words), 2 * window), NONE, dtype=words.dtype)
    for distance in range(1, min(window, len(words) - 1) + 1):
        left, right = words[:-distance], words[distance:]
        same = text[:-distance] == text[distance:]
        rows[:-distance, window + distance - 1] = right.where(same & (reach[:-distance] >= distance), NONE)
        rows[distance:, window - distance] = left.where(same & (reach[distance:] >= distance), NONE)
    some = (rows != NONE).any(1)
    return rows[some], words[some]
