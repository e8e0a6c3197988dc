"""N-gram language model that counts: interpolated, modified Kneser-Ney (Chen & Goodman 1998, TR-10-98).

With u the last k - 1 tokens and u' the last k - 2 of them, c the count of a k-gram and D its discount:

    p(w | u) = (c(u w) - D(c(u w))) / c(u .) + rest(u) p(w | u'),    p(w | nothing) ends in 1 / V

Only the longest n-grams count how often they were seen; a shorter one counts after how many different tokens it was.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from dlrun.errors import UserError
from dlrun.limits import Reach
from dlrun.model.base import Output


class Piece(Protocol):
    """A batch of a text that is read in order."""

    @property
    def ids(self) -> Tensor: ...  # (B, T)

    @property
    def fresh(self) -> bool: ...  # it does not go on from the one before


class Level(NamedTuple):
    """All n-grams of one length, each a child of the one without its last token, sorted by parent and token."""

    keys: Tensor  # (n,) parent * V + token: V^5 would not fit into 64 bits, a parent's number does
    tokens: Tensor  # (n,) the last of each
    p: Tensor  # (n,) discounted count over the parent's total
    first: Tensor  # (parents + 1,) where each parent's children begin
    rest: Tensor  # (parents,) what the discounts leave to shorter contexts; 1 for a parent that nothing follows


class NGram(nn.Module):
    """It is counted, not trained. A checkpoint holds the text itself; the levels are made when it is first asked."""

    def __init__(self, vocab_size: int, *, order: Reach):
        super().__init__()
        self.vocab_size, self.order = vocab_size, order
        self.read = torch.empty(0, 0, dtype=torch.int32)  # (B, T) the whole text, in rows
        self.levels: list[Level] | None = None  # of 1-grams, 2-grams, ...; None: not made yet

    def forward(self, ids: Tensor, state: Tensor | None) -> Output:
        """(B, T) ids, the last order - 1 ids -> (B, T, V) log-probabilities, a state."""
        x = ids if state is None else torch.cat([state, ids], dim=1)
        return Output(self.log_p(x)[:, -ids.shape[1] :], x[:, max(0, x.shape[1] - self.order + 1) :])

    def count(self, batches: Iterable[Piece]) -> None:
        """UserError for a text that is not read in order."""
        pieces = list(batches)
        if any(batch.fresh for batch in pieces[1:]):
            raise UserError("An n-gram model reads its text in order. Type task.sampling=consecutive.")
        self.set_extra_state(torch.cat([batch.ids.to("cpu", torch.int32) for batch in pieces], dim=1))

    def get_extra_state(self) -> Tensor:
        """(B, T) int32, all that was read."""
        return self.read

    def set_extra_state(self, state: Tensor) -> None:
        self.read, self.levels = state, None

    def log_p(self, x: Tensor) -> Tensor:
        """(B, T) ids -> (B, T, V) of the token after each. Unigrams fill whole rows, the rest is sparse and added."""
        if self.levels is None:
            rows = self.read.long()
            self.levels = [
                Level(*(part.to(x.device) for part in level)) for level in fit(rows, self.vocab_size, self.order)
            ]
        contexts = [node.flatten() for node in self.contexts(x)]  # (N,) each, N = B T
        weight = torch.ones(x.numel(), device=x.device)  # (N,) of all shorter contexts in the interpolation
        parts = []
        for level, context in zip(self.levels[:0:-1], contexts[::-1], strict=True):
            parts.append(children(level, context, weight, self.vocab_size))
            weight = torch.where(context >= 0, level.rest[context] * weight, weight)
        p = torch.outer(weight, self.levels[0].p + self.levels[0].rest / self.vocab_size)  # (N, V)
        for where, amount in parts:
            p.view(-1).index_add_(0, where, amount)
        return p.log_().view(*x.shape, self.vocab_size)

    def contexts(self, x: Tensor) -> list[Tensor]:
        """(B, T) ids -> for k = 1, 2, ... the (B, T) number of the k-gram that ends there, -1 where it is new."""
        assert self.levels is not None
        found = [x]
        for level in self.levels[1:-1]:
            key = before(found[-1]) * self.vocab_size + x  # negative without a parent
            place = torch.searchsorted(level.keys, key).clamp(max=len(level.keys) - 1)
            found.append(place.where(level.keys[place] == key, -1))
        return found[: len(self.levels) - 1]


def before(node: Tensor) -> Tensor:
    """(B, T) -> (B, T), each row moved on by one place, -1 at its start."""
    return torch.cat([torch.full_like(node[:, :1], -1), node[:, :-1]], dim=1)


def children(level: Level, context: Tensor, weight: Tensor, vocab_size: int) -> tuple[Tensor, Tensor]:
    """(N,) parents or -1, (N,) weights -> where in (N V) their children lie, and what each gets: p times its weight.

    Most of an evaluation's time is spent here: behind a frequent token stand thousands of different ones.
    """
    row = (context >= 0).nonzero().flatten()
    first = level.first[context[row]]
    count = level.first[context[row] + 1] - first
    total = int(count.sum())

    def spread(each: Tensor) -> Tensor:
        return each.repeat_interleave(count, output_size=total)

    child = spread(first - (count.cumsum(0) - count)) + torch.arange(total, device=row.device)
    return spread(row * vocab_size).add_(level.tokens[child]), spread(weight[row]).mul_(level.p[child])


def fit(rows: Tensor, vocab_size: int, order: int) -> list[Level]:
    """(B, T) int64 tokens -> the levels of 1 to `order` tokens, as far as there are any. No n-gram joins two rows."""
    keys, suffixes = [torch.arange(vocab_size)], [torch.empty(0, dtype=torch.int64)]
    node = rows  # the number of the k-gram that ends at each place; -1 where a row has not had k tokens yet
    for _ in range(1, order):
        parent = before(node)
        inside = parent >= 0
        if not inside.any():  # less text than the order asks for
            break
        unique, number = (parent * vocab_size + rows)[inside].unique(return_inverse=True)
        keys.append(unique)
        suffixes.append(torch.empty_like(unique).scatter_(0, number, node[inside]))  # one suffix, however often seen
        node = torch.full_like(node, -1).masked_scatter(inside, number)
    counts = [shorter.bincount(minlength=len(key)) for shorter, key in zip(suffixes[1:], keys[:-1], strict=True)]
    counts.append(node[node >= 0].bincount(minlength=len(keys[-1])))
    parents = [1, *map(len, keys)]
    return [level(*each, vocab_size) for each in zip(keys, counts, parents, strict=False)]


def level(keys: Tensor, counts: Tensor, parents: int, vocab_size: int) -> Level:
    """(n,) sorted keys and their counts -> discounted probabilities and what is left over."""
    parent = keys // vocab_size
    discount = torch.tensor([0.0, *discounts(counts)], dtype=torch.float64)[counts.clamp(max=3)]
    total = torch.zeros(parents, dtype=torch.float64).index_add_(0, parent, counts.double())
    taken = torch.zeros(parents, dtype=torch.float64).index_add_(0, parent, discount)
    first = torch.searchsorted(parent, torch.arange(parents + 1))
    p = (counts - discount) / total[parent].clamp(min=1)  # a total of 0: only at a row's start, after no token
    rest = torch.where(total > 0, taken / total.clamp(min=1), 1.0)
    return Level(keys, keys % vocab_size, p.float(), first, rest.float())


def discounts(counts: Tensor) -> list[float]:
    """What is taken off counts of 1, 2, and 3 or more: k - (k + 1) Y n_k+1 / n_k, Y = n_1 / (n_1 + 2 n_2).

    n_k is how many n-grams were counted k times. Half of k where a text is too small for the formula.
    """
    n = counts.clamp(max=5).bincount(minlength=6).tolist()
    y = n[1] / max(1, n[1] + 2 * n[2])
    found = [k - (k + 1) * y * n[k + 1] / max(1, n[k]) for k in (1, 2, 3)]
    return [d if n[k] and 0 < d < k else k / 2 for k, d in enumerate(found, 1)]
