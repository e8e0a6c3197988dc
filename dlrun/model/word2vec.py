"""Word vectors: an input and an output vector a word (Mikolov 2013, arXiv 1301.3781, 1310.4546; book 10.1 to 10.3).

Skip-gram and CBOW are one model: they differ in how many words come in.
"""

from torch import Tensor, nn

from dlrun.limits import PositiveInt


class WordVectors(nn.Module):
    """Starts as word2vec.c does: small input vectors, output vectors of zeros, so that every score begins at 0."""

    def __init__(self, words: int, *, embed: PositiveInt):
        super().__init__()
        self.input = nn.Embedding(words, embed)
        self.output = nn.Embedding(words, embed)  # of words; under a Huffman tree, of its inner nodes
        nn.init.uniform_(self.input.weight, -0.5 / embed, 0.5 / embed)
        nn.init.zeros_(self.output.weight)

    def word_vectors(self) -> Tensor:
        return self.input.weight

    def embedding_tables(self) -> list[Tensor]:
        return [self.input.weight]

    def forward(self, inputs: Tensor, mask: Tensor | None = None, targets: Tensor | None = None) -> Tensor:
        """(B, I) words, (B, I) which of them count, (B, K) targets -> (B, K) scores; without targets (B, V), of all.

        A score is the mean of the input vectors times the target's output vector.
        """
        x = self.input(inputs)  # (B, I, D)
        x = x.mean(1) if mask is None else (x * mask.unsqueeze(2)).sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
        if targets is None:
            return x @ self.output.weight.T  # (B, V)
        return (self.output(targets) @ x.unsqueeze(2)).squeeze(2)  # (B, K)
