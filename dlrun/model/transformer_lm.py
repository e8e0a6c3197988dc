"""The Transformer that writes: a decoder alone, with a memory of what it read before (Dai 2019, arXiv 1901.02860).

Positions are distances back from the token that looks, so they mean the same wherever a text is cut, and what the
layers made of the last `context` tokens can be kept. Norms stand before each part (Xiong 2020, arXiv 2002.04745).
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from dlrun.errors import UserError
from dlrun.limits import Fraction, Layers, PositiveInt
from dlrun.model.base import Output
from dlrun.nn.positions import positions as sines


class TransformerLM(nn.Module):
    """In each layer a token looks at itself and the `context` tokens before it, however a text is cut into pieces.

    So `layers` x `context` tokens reach a prediction, and a text of T tokens costs T x (T + context) scores a head.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        embed: PositiveInt,
        layers: Layers,
        heads: PositiveInt,
        feed_forward: PositiveInt,
        dropout: Fraction,
        positions: Literal["learned", "sinusoidal"],
        context: PositiveInt,
        tied: bool,
    ):
        super().__init__()
        if embed % heads or embed % 2:
            raise UserError(f"model.embed={embed} must be even and a multiple of model.heads={heads}.")
        self.context = context
        self.embedding = nn.Embedding(vocab_size, embed)
        nn.init.normal_(self.embedding.weight, std=embed**-0.5)  # times sqrt(embed) later: first logits stay small
        self.dropout = nn.Dropout(dropout)
        self.distances: Tensor  # (context + 1, D)
        if positions == "learned":
            self.distances = nn.Parameter(torch.randn(context + 1, embed) * math.sqrt(0.5))  # as large as the sines
        else:
            self.register_buffer("distances", sines(context + 1, embed), persistent=False)
        self.layers = nn.ModuleList(Layer(embed, heads, feed_forward, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(embed)
        self.output = nn.Linear(embed, vocab_size)
        if tied:
            nn.init.zeros_(self.output.bias)
            self.output.weight = self.embedding.weight

    def word_vectors(self) -> Tensor:
        return self.embedding.weight

    def embedding_tables(self) -> list[Tensor]:
        return [self.embedding.weight]

    def forward(self, ids: Tensor, state: Tensor | None = None) -> Output:
        """(B, T) ids, a state -> (B, T, V) logits, a state.

        The state is what each layer was given for the last S <= context tokens, (layers, B, S, D); None at first.
        """
        x = self.dropout(self.embedding(ids) * math.sqrt(self.embedding.embedding_dim))  # (B, T, D)
        if state is None:
            state = x.new_zeros(len(self.layers), len(ids), 0, x.shape[2])
        back = distances_back(ids.shape[1], state.shape[2]).to(ids.device)
        kept = []
        for layer, before in zip(self.layers, state, strict=True):
            read = torch.cat([before, x], dim=1)  # (B, S + T, D)
            kept.append(latest(read, self.context))
            x = layer(x, read, self.distances, back)
        return Output(self.output(self.dropout(self.norm(x))), torch.stack(kept))


class Layer(nn.Module):
    """Looks back, then at each token alone."""

    def __init__(self, embed: int, heads: int, feed_forward: int, dropout: float):
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(embed), RelativeAttention(embed, heads, dropout)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(embed),
            nn.Linear(embed, feed_forward),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(feed_forward, embed),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, read: Tensor, distances: Tensor, back: Tensor) -> Tensor:
        """(B, T, D), and with what was read before them (B, S + T, D) -> (B, T, D)."""
        x = x + self.dropout(self.attention(self.norm(x), self.norm(read), distances, back))
        return x + self.dropout(self.feed_forward(x))


class RelativeAttention(nn.Module):
    """Scores q (k + r) / sqrt(d), r a key of the distance (section 3.3); q's bias is both of the paper's u and v."""

    def __init__(self, embed: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(embed, embed)
        self.key, self.value, self.distance, self.output = (nn.Linear(embed, embed, bias=False) for _ in range(4))

    def forward(self, x: Tensor, read: Tensor, distances: Tensor, back: Tensor) -> Tensor:
        """(B, T, D) asks (B, S + T, D); `back` (T, S + T): how far each lies behind, what is out of reach is unseen."""
        q, k, v = (self.split(part) for part in (self.query(x), self.key(read), self.value(read)))
        r = self.split(self.distance(distances))  # (N, context + 1, D / N)
        furthest = len(distances) - 1
        by_distance = q @ r.transpose(1, 2) / math.sqrt(q.shape[3])  # (B, N, T, context + 1)
        bias = by_distance.gather(3, back.clamp(0, furthest).expand(*q.shape[:2], *back.shape))
        bias = bias.masked_fill((back < 0) | (back > furthest), -torch.inf)
        rate = self.dropout if self.training else 0.0
        y = scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=rate)
        return self.output(y.transpose(1, 2).flatten(2))

    def split(self, x: Tensor) -> Tensor:
        """(..., T, D) -> (..., N, T, D / N)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)


def latest(read: Tensor, context: int) -> Tensor:
    """(B, S, D) -> the last `context` of S, or all."""
    if torch.compiler.is_compiling():  # an exporter would take for granted that a slice cuts as the example's did
        begin = torch.sym_max(0, read.shape[1] - context)
        return read.index_select(1, torch.arange(begin, read.shape[1], device=read.device))
    return read[:, -context:]


def distances_back(steps: int, before: int) -> Tensor:
    """(T, S + T) how many tokens before each token the others lie; below 0: yet to come."""
    return torch.arange(before, before + steps).unsqueeze(1) - torch.arange(before + steps)
