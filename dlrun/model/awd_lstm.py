"""AWD-LSTM: a language model of LSTM layers in which whatever can be dropped is (Merity 2018, arXiv 1708.02182)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, embedding

from dlrun.limits import Positive, Share

State = tuple[tuple[Tensor, Tensor], ...]


class AWDLSTM(nn.Module):
    """Dropped are whole words of the table, units at all of a batch's steps alike, and weights from hidden state to
    hidden state (sections 2 and 4), drawn once per batch. With `tied` the last layer is as wide as a word's vector.

    The two penalties on activations (section 4.6) are not here: they are losses, which a model does not have.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        embed: Positive,
        hidden: Positive,
        layers: Positive,
        word_dropout: Share,
        input_dropout: Share,
        hidden_dropout: Share,
        output_dropout: Share,
        weight_dropout: Share,
        tied: bool,
    ):
        super().__init__()
        self.word_dropout, self.input_dropout, self.hidden_dropout = word_dropout, input_dropout, hidden_dropout
        self.output_dropout, self.weight_dropout = output_dropout, weight_dropout
        self.embedding = nn.Embedding(vocab_size, embed)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)  # section 5
        widths = [embed] + [hidden] * (layers - 1) + [embed if tied else hidden]
        self.layers = nn.ModuleList(
            nn.LSTM(before, after, batch_first=True) for before, after in zip(widths, widths[1:], strict=False)
        )
        self.output = nn.Linear(widths[-1], vocab_size)
        if tied:
            nn.init.zeros_(self.output.bias)
            self.output.weight = self.embedding.weight

    @property
    def vectors(self) -> Tensor:
        return self.embedding.weight

    def forward(self, ids: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(B, T) ids, a state -> (B, T, V) logits, a state: a pair of (1, B, H) for each layer; None at first."""
        x = self.locked(embedding(ids, self.words()), self.input_dropout)  # (B, T, D)
        kept = []
        for number, layer in enumerate(self.layers):
            x = self.locked(x, self.hidden_dropout) if number else x
            x, after = self.through(layer, x, None if state is None else state[number])
            kept.append(after)
        return self.output(self.locked(x, self.output_dropout)), tuple(kept)

    def words(self) -> Tensor:
        """(V, D) the table, while training without some words; the others are louder for it (section 4.3)."""
        table = self.embedding.weight
        if not (self.training and self.word_dropout):
            return table
        return table * dropout(table.new_ones(len(table), 1), self.word_dropout)

    def locked(self, x: Tensor, share: float) -> Tensor:
        """(B, T, D), while training with the same units dropped at each of T (Gal & Ghahramani 2016; section 4.2)."""
        if not (self.training and share):
            return x
        return x * dropout(x.new_ones(len(x), 1, x.shape[2]), share)

    def through(self, layer: Any, x: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Any]:
        """(B, T, D) -> (B, T, H), a state; a weight from hidden to hidden is dropped for all steps (section 2).

        torch's fused layer is handed the weights, as one step at a time would take several times as long.
        """
        if not (self.training and self.weight_dropout):
            return layer(x, state)
        if state is None:
            state = 2 * (x.new_zeros(1, len(x), layer.hidden_size),)
        dropped = dropout(layer.weight_hh_l0, self.weight_dropout)
        weights = [layer.weight_ih_l0, dropped, layer.bias_ih_l0, layer.bias_hh_l0]
        y, h, c = torch.lstm(x, state, weights, True, 1, 0.0, True, False, True)
        return y, (h, c)
