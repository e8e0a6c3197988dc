"""AWD-LSTM, a language model held back by dropout in five places (Merity, Keskar, Socher 2018, arXiv 1708.02182)."""

import warnings

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from dlrun.limits import Fraction, Layers, NonNegativeFloat, PositiveInt
from dlrun.model.base import Output

State = tuple[tuple[Tensor, Tensor], ...]  # of each layer (1, B, H) twice: what it shows, what it remembers


class AWDLSTM(nn.Module):
    """LSTM layers of `hidden` units, the last of `embed`: its output is compared with the input vectors themselves.

    But for `weight_dropout` a mask is locked: drawn once for a text's whole piece of T tokens, not for each token
    (Gal & Ghahramani 2016). While it trains, its answer has a third part, a penalty that is added to the loss:
    `activation_penalty` times the mean square of what the last layer shows, dropped (AR), plus `change_penalty` times
    that of how it changes from token to token, not dropped (TAR; section 4.7).
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        embed: PositiveInt,
        hidden: PositiveInt,
        layers: Layers,
        word_dropout: Fraction,
        input_dropout: Fraction,
        weight_dropout: Fraction,
        hidden_dropout: Fraction,
        output_dropout: Fraction,
        activation_penalty: NonNegativeFloat,
        change_penalty: NonNegativeFloat,
    ):
        super().__init__()
        self.word_dropout, self.input_dropout = word_dropout, input_dropout
        self.hidden_dropout, self.output_dropout = hidden_dropout, output_dropout
        self.activation_penalty, self.change_penalty = activation_penalty, change_penalty
        self.embedding = nn.Embedding(vocab_size, embed)
        widths = [embed, *[hidden] * (layers - 1), embed]
        self.layers = nn.ModuleList(
            WeightDropLSTM(inputs, outputs, weight_dropout)
            for inputs, outputs in zip(widths[:-1], widths[1:], strict=True)
        )
        self.output = nn.Linear(embed, vocab_size)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.zeros_(self.output.bias)
        self.output.weight = self.embedding.weight

    def word_vectors(self) -> Tensor:
        return self.embedding.weight

    def embedding_tables(self) -> list[Tensor]:
        return [self.embedding.weight]

    def forward(self, ids: Tensor, state: State | None = None) -> Output:
        """(B, T) ids, a state, None at first -> (B, T, V) logits, a state, and while it trains a penalty ()."""
        x = self.locked(self.embed(ids), self.input_dropout)  # (B, T, D)
        kept = []
        for number, layer in enumerate(self.layers):
            x = self.locked(x, self.hidden_dropout) if number else x
            x, after = layer(x, None if state is None else state[number])  # (B, T, H), the last (B, T, D)
            kept.append(after)
        dropped = self.locked(x, self.output_dropout)
        logits = self.output(dropped)
        return Output(logits, tuple(kept), self.penalty(x, dropped) if self.training else None)

    def embed(self, ids: Tensor) -> Tensor:
        """(B, T) -> (B, T, D); a dropped word is gone wherever it stands (section 4.3)."""
        x = self.embedding(ids)
        if not self.training or not self.word_dropout:
            return x
        words = dropout(x.new_ones(self.embedding.num_embeddings), self.word_dropout)
        return x * words[ids].unsqueeze(2)

    def locked(self, x: Tensor, rate: float) -> Tensor:
        """(B, T, H) -> the same, with units of a text dropped throughout."""
        if not self.training or not rate:
            return x
        return x * dropout(x.new_ones(len(x), 1, x.shape[2]), rate)

    def penalty(self, x: Tensor, dropped: Tensor) -> Tensor:
        """(B, T, D) twice -> ()."""
        penalty = self.activation_penalty * dropped.square().mean()
        if x.shape[1] > 1:
            penalty = penalty + self.change_penalty * x.diff(dim=1).square().mean()
        return penalty


class WeightDropLSTM(nn.LSTM):
    """One layer whose hidden-to-hidden weights are dropped, the same ones for all T tokens (section 2).

    They are dropped once a call, and the whole text goes through torch's own LSTM: no loop over the tokens.
    """

    weight_ih_l0: Tensor
    weight_hh_l0: Tensor
    bias_ih_l0: Tensor
    bias_hh_l0: Tensor

    def __init__(self, inputs: int, outputs: int, rate: float):
        super().__init__(inputs, outputs, batch_first=True)
        self.rate = rate

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:  # type: ignore[override]
        """(B, T, D), (1, B, H) twice -> (B, T, H), (1, B, H) twice."""
        if not self.training or not self.rate:
            return super().forward(x, state)
        if state is None:
            zeros = x.new_zeros(1, len(x), self.hidden_size)
            state = (zeros, zeros)
        recurrent = dropout(self.weight_hh_l0, self.rate)
        weights = [self.weight_ih_l0, recurrent, self.bias_ih_l0, self.bias_hh_l0]
        with warnings.catch_warnings(action="ignore", category=UserWarning):
            # On a GPU torch tells to keep all weights in one piece; a dropped one is new each time.
            y, h, c = torch.lstm(x, state, weights, True, 1, 0.0, True, False, True)
        return y, (h, c)
