"""Recurrent networks: language model (book 6; Zaremba 2014) and, given classes, text classifier (book 10.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dlrun.errors import UserError
from dlrun.limits import Positive, Share


class Recurrent(nn.Module):
    """Embedding, recurrent layers, a linear layer. With `outputs` it classifies, else it predicts the next token."""

    cell: Callable[..., Any]  # nn.RNN and its like, or what takes its place

    def __init__(
        self,
        vocab_size: int,
        outputs: int | None = None,
        *,
        embed: Positive,
        hidden: Positive,
        layers: Positive,
        dropout: Share,
        tied: bool,
        bidirectional: bool,
    ):
        super().__init__()
        self.classifies = outputs is not None
        if bidirectional and not self.classifies:
            raise UserError("A language model can't read from the right. Type model.bidirectional=false.")
        if tied and (self.classifies or embed != hidden):
            raise UserError(f"model.tied needs a language model with model.embed={hidden}, its model.hidden.")
        self.embedding = nn.Embedding(vocab_size, embed)
        inner = dropout if layers > 1 else 0.0
        self.layers = self.cell(embed, hidden, layers, batch_first=True, dropout=inner, bidirectional=bidirectional)
        self.dropout = nn.Dropout(dropout)
        width = hidden * (2 if bidirectional else 1)
        self.output = nn.Linear(width * 2 if self.classifies else width, outputs or vocab_size)
        if tied:
            nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
            nn.init.zeros_(self.output.bias)
            self.output.weight = self.embedding.weight

    @property
    def vectors(self) -> Tensor:
        return self.embedding.weight

    def forward(self, ids: Tensor, context: Any = None) -> Any:
        """(B, T) ids, a state -> (B, T, V) logits, a state; classifying: (B, T) ids, (B,) lengths -> (B, outputs)."""
        x = self.dropout(self.embedding(ids))  # (B, T, D)
        if self.classifies:
            return self.classify(x, context)
        x, state = self.layers(x, context)  # (B, T, H)
        return self.output(self.dropout(x)), state

    def classify(self, x: Tensor, lengths: Tensor) -> Tensor:
        """Mean and maximum over the words; packed, or reading from the right would begin with padding."""
        packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
        x, _ = pad_packed_sequence(self.layers(packed)[0], batch_first=True, total_length=x.shape[1])  # (B, T, H)
        outside = torch.arange(x.shape[1], device=x.device) >= lengths.unsqueeze(1)  # (B, T)
        mean = x.sum(1) / lengths.unsqueeze(1)
        largest = x.masked_fill(outside.unsqueeze(2), -torch.inf).amax(1)
        return self.output(self.dropout(torch.cat([mean, largest], dim=1)))


class RNN(Recurrent):
    cell = nn.RNN


class GRU(Recurrent):
    cell = nn.GRU


class LSTM(Recurrent):
    cell = nn.LSTM
