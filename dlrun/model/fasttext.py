"""Words as the sum of their parts: hashed character n-grams (Bojanowski 2017, arXiv 1607.04606; book 10.4)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from dlrun.errors import UserError
from dlrun.limits import PositiveInt, Reach
from dlrun.model.word2vec import WordVectors

NONE = 0  # the first row of the table stands for no n-gram: it is never read


class Subwords(nn.Embedding):
    """A word's vector is the mean of its own and those of its n-grams, which share `buckets` vectors by their hash.

    The table has 1 + V + buckets rows, and the optimizer moves all of them at every step: that is what costs, hence
    fewer buckets than the 2 million of the paper. Two n-grams in one bucket are one n-gram to the model.
    """

    def __init__(self, spelling: Sequence[str], embed: int, buckets: int, shortest: int, longest: int):
        super().__init__(1 + len(spelling) + buckets, embed, padding_idx=NONE)
        nn.init.uniform_(self.weight, -0.5 / embed, 0.5 / embed)
        self.first_bucket, self.buckets, self.shortest, self.longest = 1 + len(spelling), buckets, shortest, longest
        parts = [[1 + word, *self.rows(text)] for word, text in enumerate(spelling)]
        width = max(map(len, parts))
        table = torch.tensor([row + [NONE] * (width - len(row)) for row in parts], dtype=torch.int32)
        self.register_buffer("parts", table, persistent=False)  # (V, P); the vocabulary says it all
        self.parts: Tensor

    def rows(self, text: str) -> list[int]:
        """The table's rows of a word's n-grams, known to the vocabulary or not."""
        return [self.first_bucket + fnv1a(gram) % self.buckets for gram in ngrams(text, self.shortest, self.longest)]

    def forward(self, words: Tensor) -> Tensor:
        """(...) words -> (..., D). Each word of a batch is put together once, however often it is there."""
        each, where = words.unique(return_inverse=True)
        return self.together(self.parts[each])[where]

    def together(self, rows: Tensor) -> Tensor:
        """(B, P) rows, NONE at their ends -> (B, D)."""
        return embedding_bag(rows.long(), self.weight, mode="mean", padding_idx=NONE)


class FastText(WordVectors):
    """Skip-gram or CBOW whose input words are put together; the output vectors are of whole words."""

    input: Subwords

    def __init__(
        self,
        words: int,
        spelling: Sequence[str],
        *,
        embed: PositiveInt,
        buckets: PositiveInt,
        shortest: Reach,
        longest: Reach,
    ):
        if shortest > longest:
            raise UserError(f"model.shortest={shortest} is more than model.longest={longest}. Type a smaller one.")
        super().__init__(words, embed=embed)
        self.input = Subwords(spelling, embed, buckets, shortest, longest)

    def word_vectors(self) -> Tensor:
        return self.input.together(self.input.parts)

    def embedding_tables(self) -> list[Tensor]:
        """None: a word's vector is made of its n-grams'."""
        return []

    def oov_vector(self, word: str) -> Tensor | None:
        """(D,) a vector for a word never seen, from its n-grams alone; None for one too short to have any."""
        rows = self.input.rows(word)
        return self.input.together(torch.tensor([rows], device=self.input.weight.device))[0] if rows else None


def ngrams(word: str, shortest: int, longest: int) -> list[str]:
    """The n-grams of `<word>`; the marks tell a beginning and an end from what stands in the middle."""
    text = f"<{word}>"
    return [text[i : i + n] for n in range(shortest, longest + 1) for i in range(len(text) - n + 1)]


def fnv1a(text: str) -> int:
    """FNV-1a, 32 bits, of the UTF-8 bytes (Fowler, Noll and Vo). Python's own hash differs from run to run."""
    value = 2166136261
    for byte in text.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value
