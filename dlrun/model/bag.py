"""fastText's classifier: the mean of a text's word and n-gram vectors, a linear layer (Joulin 2016, 1607.01759)."""

from torch import Tensor, nn

from dlrun.limits import Fraction, PositiveInt, Reach
from dlrun.nn.ngrams import ngram_set


class Bag(nn.Module):
    """`buckets` rows are shared by all groups of two to `ngrams` words. Order matters within such a group alone.

    Gradients are dense, so that any optimizer fits: an update costs as much as the table has numbers.
    """

    def __init__(
        self,
        vocab_size: int,
        outputs: int,
        *,
        ngrams: Reach,
        buckets: PositiveInt,
        embed: PositiveInt,
        dropout: Fraction,
    ):
        super().__init__()
        self.vocab_size, self.ngrams, self.buckets = vocab_size, ngrams, buckets
        self.embedding = nn.EmbeddingBag(vocab_size + (buckets if ngrams > 1 else 0), embed, mode="mean")
        nn.init.zeros_(self.embedding.weight)  # not fastText's random ones: what training never met says nothing
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(embed, outputs)

    def word_vectors(self) -> Tensor:
        return self.embedding.weight[: self.vocab_size]

    def embedding_tables(self) -> list[Tensor]:
        """What given vectors are written into. Where it is frozen the groups of words stay at 0: they say nothing."""
        return [self.embedding.weight]

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """(B, T) ids, (B,) lengths -> (B, outputs)."""
        rows, begins = ngram_set(ids, lengths, self.vocab_size, self.ngrams, self.buckets)
        return self.output(self.dropout(self.embedding(rows, begins)))
