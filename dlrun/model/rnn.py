"""Recurrent networks: language model (book 6; Zaremba 2014) and, given classes, text classifier (book 10.7)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dlrun.errors import UserError
from dlrun.limits import Fraction, Layers, PositiveInt
from dlrun.model.base import Output, State


class Recurrent(nn.Module):
    """Embedding, recurrent layers, a linear layer. With `outputs` it classifies, else it predicts the next token."""

    cell: Callable[..., nn.Module]  # nn.RNN and its like, or what takes its place

    def __init__(
        self,
        vocab_size: int,
        outputs: int | None = None,
        *,
        embed: PositiveInt,
        hidden: PositiveInt,
        layers: Layers,
        dropout: Fraction,
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
        if self.classifies:  # as Kim (2014): a rare word keeps most of its first vector, which N(0, 1) makes loud
            nn.init.uniform_(self.embedding.weight, -0.25, 0.25)
        inner = dropout if layers > 1 else 0.0
        self.layers: nn.Module
        if bidirectional:
            self.layers = BiRNN(self.cell, embed, hidden, layers, inner)
        else:
            self.layers = self.cell(embed, hidden, layers, batch_first=True, dropout=inner)
        self.dropout = nn.Dropout(dropout)
        width = hidden * (2 if bidirectional else 1)
        self.output = nn.Linear(width * 2 if self.classifies else width, outputs or vocab_size)
        if tied:
            nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
            nn.init.zeros_(self.output.bias)
            self.output.weight = self.embedding.weight

    def word_vectors(self) -> Tensor:
        return self.embedding.weight

    def embedding_tables(self) -> list[Tensor]:
        return [self.embedding.weight]

    def forward(self, ids: Tensor, context: State = None) -> Output | Tensor:
        """(B, T) ids, a state -> (B, T, V) logits, a state; classifying: (B, T) ids, (B,) lengths -> (B, outputs)."""
        x = self.dropout(self.embedding(ids))  # (B, T, D)
        if self.classifies:
            assert isinstance(context, Tensor)
            return self.classify(x, context)
        x, state = self.layers(x, context)  # (B, T, H)
        return Output(self.output(self.dropout(x)), state)

    def classify(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D), (B,) lengths -> (B, outputs), from mean and maximum over the words."""
        x = self.layers(x, lengths) if isinstance(self.layers, BiRNN) else self.layers(x)[0]  # (B, T, H)
        outside = (torch.arange(x.shape[1], device=x.device) >= lengths.unsqueeze(1)).unsqueeze(2)  # (B, T, 1)
        mean = x.masked_fill(outside, 0).sum(1) / lengths.unsqueeze(1)
        largest = x.masked_fill(outside, -torch.inf).amax(1)
        return self.output(self.dropout(torch.cat([mean, largest], dim=1)))


class BiRNN(nn.Module):
    """Recurrent layers that read padded texts from the left and from the right (Schuster & Paliwal 1997; book 10.7).

    Each text is turned round within its length, so that both directions meet its padding last and nothing of it counts.
    torch's own way, packed sequences, gives the same and takes ten times as long on a CPU.
    """

    def __init__(self, cell: Callable[..., nn.Module], embed: int, hidden: int, layers: int, dropout: float):
        super().__init__()
        widths = [embed] + [2 * hidden] * (layers - 1)
        self.from_left = nn.ModuleList(cell(width, hidden, 1, batch_first=True, dropout=0.0) for width in widths)
        self.from_right = nn.ModuleList(cell(width, hidden, 1, batch_first=True, dropout=0.0) for width in widths)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D), (B,) lengths -> (B, T, 2H); past a text's end there is nothing of use."""
        place = torch.arange(x.shape[1], device=x.device)
        last = lengths.unsqueeze(1) - 1
        turned = torch.where(place <= last, last - place, place).unsqueeze(2)  # (B, T, 1)

        def turn(y: Tensor) -> Tensor:
            return y.gather(1, turned.expand(-1, -1, y.shape[2]))

        for number, (left, right) in enumerate(zip(self.from_left, self.from_right, strict=True)):
            x = self.dropout(x) if number else x
            x = torch.cat([left(x)[0], turn(right(turn(x))[0])], dim=2)
        return x


class RNN(Recurrent):
    cell = nn.RNN


class GRU(Recurrent):
    cell = nn.GRU


class LSTM(Recurrent):
    cell = nn.LSTM
