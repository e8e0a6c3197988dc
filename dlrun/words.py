"""A trained run's words as vectors, for `neighbors` and `analogy`, and for another run to start from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from dlrun import assemble, session
from dlrun.assemble import Parts
from dlrun.errors import UserError, did_you_mean
from dlrun.rundir import RunDir
from dlrun.text.vocab import Vocab


@dataclass(frozen=True)
class WordSpace:
    """A run's vectors. `spell` makes one for a word that the vocabulary lacks, where the model can: else it gives None.

    A word's vector is as it was trained; `nearest` compares directions alone.
    """

    run: RunDir
    vocab: Vocab
    vectors: Tensor  # (V, D) on the CPU
    spell: Callable[[str], Tensor | None]

    @classmethod
    def open(cls, name: str, trust: Sequence[str]) -> WordSpace:
        run = RunDir.open(name)
        _, parts = session.open_parts(run, trust=trust)
        with torch.no_grad():
            vectors = parts.task.vectors(parts.model)
        if vectors is None or parts.data.vocab is None:
            raise UserError(f"{run.path} has no word vectors. Train some: dlrun model=skipgram")

        @torch.no_grad()
        def spell(word: str) -> Tensor | None:
            made = parts.task.spelled(parts.model, word)
            return None if made is None else made.float().cpu()

        return cls(run, parts.data.vocab, vectors.detach().float().cpu(), spell)

    def find(self, word: str) -> Tensor | None:
        """(D,), from the vocabulary or spelled; None for a word that is in neither's reach."""
        number = self.vocab.index.get(word)
        return self.spell(word) if number is None else self.vectors[number]

    def vector(self, word: str) -> Tensor:
        """(D,) of length 1; UserError for a word that has none."""
        found = self.find(self.vocab.token(word))
        if found is None:
            hint = did_you_mean(word, self.vocab.tokens)
            raise UserError(f"{word} is not in the vocabulary of {len(self.vocab):,}. {hint}".rstrip())
        return normalize(found, dim=0)

    def nearest(self, query: Tensor, count: int, *, without: Sequence[str]) -> list[tuple[str, float]]:
        """The `count` words of the vocabulary with the largest cosine to a (D,) query."""
        cosines = normalize(self.vectors, dim=1) @ normalize(query, dim=0)
        left_out = {self.vocab.index[token] for token in map(self.vocab.token, without) if token in self.vocab.index}
        cosines[list(left_out)] = -torch.inf
        top = cosines.topk(min(count, len(cosines) - len(left_out)))
        return [
            (self.vocab.text([i]), value) for i, value in zip(top.indices.tolist(), top.values.tolist(), strict=True)
        ]

    def start(self, parts: Parts) -> int:
        """Writes these vectors into a model's own, word by word -> how many of its words had one.

        A word that has none keeps the vector it was born with. UserError where no word fits, or the sizes differ.
        """
        vocab, tables = parts.data.vocab, assemble.word_tables(parts.model)
        embed, given = tables[0].shape[1], self.vectors.shape[1]
        if embed != given:
            raise UserError(f"The vectors of {self.run.path} have {given} numbers. Type model.embed={given}.")
        assert vocab is not None  # a model with a table of words was built
        found = {number: vector for number, word in enumerate(vocab.tokens) if (vector := self.find(word)) is not None}
        if not found:
            raise UserError(f"None of the {len(vocab):,} words is among those of {self.run.path}. Pick another run.")
        rows = torch.tensor(list(found))
        for table in tables:
            table.detach()[rows.to(table.device)] = torch.stack(list(found.values())).to(table.device)
        return len(found)
