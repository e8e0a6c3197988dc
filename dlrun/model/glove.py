"""GloVe: vectors whose products are the logarithms of co-occurrence counts (Pennington 2014; book 10.5, 14.5)."""

from torch import Tensor, nn

from dlrun.limits import PositiveInt


class GloVe(nn.Module):
    """Two vectors and two biases a word, as a centre and as its context."""

    def __init__(self, counted_words: int, *, embed: PositiveInt):
        super().__init__()
        self.centre, self.context = nn.Embedding(counted_words, embed), nn.Embedding(counted_words, embed)
        self.centre_bias, self.context_bias = nn.Embedding(counted_words, 1), nn.Embedding(counted_words, 1)
        for table in (self.centre, self.context, self.centre_bias, self.context_bias):
            nn.init.uniform_(table.weight, -0.5 / embed, 0.5 / embed)

    def word_vectors(self) -> Tensor:
        """(V, D) the sum of both: they differ by chance alone, as the counts are symmetric (section 4.2)."""
        return self.centre.weight + self.context.weight

    def forward(self, centres: Tensor, contexts: Tensor) -> Tensor:
        """(B,) and (B,) words -> (B,) what the logarithm of their count should be."""
        product = (self.centre(centres) * self.context(contexts)).sum(1)
        return product + self.centre_bias(centres).squeeze(1) + self.context_bias(contexts).squeeze(1)
