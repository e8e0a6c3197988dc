"""A trained run's words as unit vectors, for `neighbors` and `analogy`."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dlrun import session
from dlrun.data.base import Vocab
from dlrun.errors import UserError, nearest
from dlrun.rundir import RunDir


@dataclass(frozen=True)
class WordSpace:
    vocab: Vocab
    units: Tensor  # (V, D) of length 1

    @classmethod
    def open(cls, name: str, trust: list[str]) -> WordSpace:
        run = RunDir.open(name)
        _, parts = session.open_parts(run, trust=trust)
        vectors = parts.task.vectors(parts.model)
        if vectors is None or parts.data.vocab is None:
            raise UserError(f"{run.path} has no word vectors. Train some: dlrun model=skipgram")
        return cls(parts.data.vocab, torch.nn.functional.normalize(vectors.detach().float().cpu(), dim=1))

    def vector(self, word: str) -> Tensor:
        """(D,); UserError for a word that is not in the vocabulary."""
        if word not in self.vocab.index:
            raise UserError(
                f"{word} is not in the vocabulary of {len(self.vocab):,}. {near_words(word, self.vocab)}".rstrip()
            )
        return self.units[self.vocab.index[word]]

    def nearest(self, query: Tensor, count: int, *, without: list[str]) -> list[tuple[str, float]]:
        """The `count` words with the largest cosine to a (D,) query."""
        cosines = self.units @ torch.nn.functional.normalize(query, dim=0)
        cosines[[self.vocab.index[word] for word in without]] = -torch.inf
        top = cosines.topk(min(count, len(cosines) - len(without)))
        return [
            (self.vocab.tokens[i], value) for i, value in zip(top.indices.tolist(), top.values.tolist(), strict=True)
        ]


def near_words(word: str, vocab: Vocab) -> str:
    """Words spelled alike; never the whole vocabulary."""
    hint = nearest(word, vocab.tokens)
    return hint.split("Possible:")[0].strip()
