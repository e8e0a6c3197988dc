"""The Transformer that translates: encoder, and decoder that looks at it (Vaswani 2017, arXiv 1706.03762; book 11.7).

The norm stands before each part and not behind it (Xiong 2020, arXiv 2002.04745): it then trains without a warm-up.
"""

import math

import torch
from torch import Tensor, nn

from dlrun.errors import UserError
from dlrun.limits import Fraction, Layers, PositiveInt
from dlrun.nn.positions import positions


class EncoderDecoder(nn.Module):
    """`layers` each of encoder and decoder; positions are sines and cosines, so sentences can be of any length."""

    def __init__(
        self,
        source_vocab_size: int,
        target_vocab_size: int,
        *,
        embed: PositiveInt,
        heads: PositiveInt,
        feed_forward: PositiveInt,
        layers: Layers,
        dropout: Fraction,
    ):
        super().__init__()
        if embed % heads or embed % 2:
            raise UserError(f"model.embed={embed} must be even and a multiple of model.heads={heads}.")
        self.embed = embed
        self.dropout = nn.Dropout(dropout)
        self.source_embedding = nn.Embedding(source_vocab_size, embed)
        self.target_embedding = nn.Embedding(target_vocab_size, embed)
        for table in (self.source_embedding, self.target_embedding):
            nn.init.normal_(table.weight, std=embed**-0.5)  # times sqrt(embed) again: as large as the positions
        sizes = (embed, heads, feed_forward, dropout)
        self.encoder = nn.ModuleList(Layer(*sizes, cross_attention=False) for _ in range(layers))
        self.decoder = nn.ModuleList(Layer(*sizes, cross_attention=True) for _ in range(layers))
        self.encoder_norm, self.decoder_norm = nn.LayerNorm(embed), nn.LayerNorm(embed)
        self.output = nn.Linear(embed, target_vocab_size)

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        """(B, S) ids, (B,) lengths, (B, T) ids that begin with <bos> -> (B, T, V) logits of the word after each."""
        return self.decode(target, *self.encode(source, lengths))[0]

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S) ids -> (B, S, D) outputs, (B, 1, S) True in the padding."""
        padding = (torch.arange(source.shape[1], device=source.device) >= lengths.unsqueeze(1)).unsqueeze(1)
        x = self.embedded(source, self.source_embedding)
        for layer in self.encoder:
            x, _ = layer(x, padding)
        return self.encoder_norm(x), padding

    def decode(self, target: Tensor, memory: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) ids, what `encode` answers -> (B, T, V) logits, (B, T, S) weights: the last layer's, mean of heads."""
        steps = target.shape[1]
        future = torch.ones(1, steps, steps, dtype=torch.bool, device=target.device).triu(1)
        x, weights = self.embedded(target, self.target_embedding), memory
        for layer in self.decoder:
            x, weights = layer(x, future, memory, padding)
        return self.output(self.decoder_norm(x)), weights.mean(1)

    def embedded(self, ids: Tensor, table: nn.Embedding) -> Tensor:
        return self.dropout(table(ids) * math.sqrt(self.embed) + positions(ids.shape[1], self.embed).to(ids.device))


class Layer(nn.Module):
    """Looks at its own sentence, then, in the decoder, at the other one, then at each word alone."""

    def __init__(self, embed: int, heads: int, feed_forward: int, dropout: float, *, cross_attention: bool):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(embed), Attention(embed, heads, dropout)
        if cross_attention:
            self.across_norm, self.across = nn.LayerNorm(embed), Attention(embed, heads, dropout)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(embed), nn.Linear(embed, feed_forward), nn.ReLU(), nn.Linear(feed_forward, embed)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, mask: Tensor, memory: Tensor | None = None, padding: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """(B, T, D) -> (B, T, D), and the weights (B, N, T, S) of its last look."""
        own = self.norm(x)
        y, weights = self.attention(own, own, mask)
        x = x + self.dropout(y)
        if memory is not None and padding is not None:
            y, weights = self.across(self.across_norm(x), memory, padding)
            x = x + self.dropout(y)
        return x + self.dropout(self.feed_forward(x)), weights


class Attention(nn.Module):
    """softmax(q k' / sqrt(d)) v in several heads (section 3.2). Without biases: that of k would change nothing."""

    def __init__(self, embed: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.output = (nn.Linear(embed, embed, bias=False) for _ in range(4))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D) asks (B, S, D) -> (B, T, D), (B, N, T, S) weights; `mask` is True where it may not look and has
        (B or 1, T or 1, S)."""
        q, k, v = (
            part.unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, N, ..., D / N)
            for part in (self.query(x), self.key(memory), self.value(memory))
        )
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[3])  # (B, N, T, S)
        weights = scores.masked_fill(mask.unsqueeze(1), -torch.inf).softmax(3)
        y = self.dropout(weights) @ v
        return self.output(y.transpose(1, 2).flatten(2)), weights
