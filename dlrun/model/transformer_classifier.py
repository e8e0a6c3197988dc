"""A transformer encoder that classifies texts (Vaswani 2017, arXiv 1706.03762; norm first: arXiv 2002.04745)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from dlrun.errors import UserError
from dlrun.limits import Fraction, Layers, PositiveInt
from dlrun.nn.positions import positions


class TransformerClassifier(nn.Module):
    """Embedding and sinusoidal positions, layers of self-attention, a linear layer on mean and maximum over the words.

    Attention computes B * N * T * T numbers a layer: long texts are better cut by task.max_len.
    """

    def __init__(
        self,
        vocab_size: int,
        outputs: int,
        *,
        embed: PositiveInt,
        heads: PositiveInt,
        layers: Layers,
        feed_forward: PositiveInt,
        dropout: Fraction,
    ):
        super().__init__()
        if embed % heads or embed % 2:
            raise UserError(f"model.embed={embed} must be even and divisible by model.heads={heads}.")
        self.embedding = nn.Embedding(vocab_size, embed)
        nn.init.normal_(self.embedding.weight, std=0.1)  # torch's N(0, 1) drowns what Adam can add to it
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(embed, heads, feed_forward, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(embed)
        self.output = nn.Linear(2 * embed, outputs)

    def word_vectors(self) -> Tensor:
        return self.embedding.weight

    def embedding_tables(self) -> list[Tensor]:
        return [self.embedding.weight]

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """(B, T) ids, (B,) lengths -> (B, outputs)."""
        outside = torch.arange(ids.shape[1], device=ids.device) >= lengths.unsqueeze(1)  # (B, T)
        x = self.embedding(ids)  # (B, T, D)
        x = self.dropout(x + 0.1 * positions(*x.shape[1:]).to(x))  # as large as the words' vectors, not ten times
        for layer in self.layers:
            x = layer(x, ~outside)
        x, outside = self.norm(x), outside.unsqueeze(2)
        mean = x.masked_fill(outside, 0).sum(1) / lengths.unsqueeze(1)
        largest = x.masked_fill(outside, -torch.inf).amax(1)
        return self.output(self.dropout(torch.cat([mean, largest], dim=1)))


class Layer(nn.Module):
    """Self-attention, then two linear layers. Attention's weights themselves are not dropped: on a CPU the drawing of
    that many random numbers takes longer than all the rest."""

    def __init__(self, embed: int, heads: int, feed_forward: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.norm, self.norm2 = nn.LayerNorm(embed), nn.LayerNorm(embed)
        self.queries_keys_values = nn.Linear(embed, 3 * embed)
        self.joined = nn.Linear(embed, embed)
        self.feed_forward = nn.Sequential(nn.Linear(embed, feed_forward), nn.GELU(), nn.Linear(feed_forward, embed))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, inside: Tensor) -> Tensor:
        """(B, T, D), (B, T) what may be looked at -> (B, T, D)."""
        parts = self.queries_keys_values(self.norm(x)).unflatten(2, (3, self.heads, -1))  # (B, T, 3, N, D / N)
        query, key, value = parts.transpose(1, 3).unbind(2)  # (B, N, T, D / N) each
        found = scaled_dot_product_attention(query, key, value, attn_mask=inside[:, None, None])
        x = x + self.dropout(self.joined(found.transpose(1, 2).flatten(2)))
        return x + self.dropout(self.feed_forward(self.norm2(x)))
