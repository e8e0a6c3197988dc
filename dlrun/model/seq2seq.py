"""Recurrent translation: a GRU reads, a GRU writes (Sutskever 2014, Cho 2014; book 10.9), and looks back while writing
(Bahdanau 2015, arXiv 1409.0473; Luong 2015, arXiv 1508.04025; book 10.11, 10.12)."""

from typing import Literal

import torch
from torch import Tensor, nn

from dlrun.limits import Fraction, Layers, PositiveInt


class Seq2Seq(nn.Module):
    """Each layer of the decoder begins with the state in which the same layer of the encoder ended.

    `none`: that state is all the decoder knows. `bahdanau`: before each word the state asks, and the answer goes into
    the next state; words are then made one by one, which costs about three times as much. `luong_dot` and
    `luong_general`: the state after a word asks, and the answer goes into the output; all words are made at once.
    """

    def __init__(
        self,
        source_vocab_size: int,
        target_vocab_size: int,
        *,
        attention: Literal["none", "bahdanau", "luong_dot", "luong_general"],
        embed: PositiveInt,
        hidden: PositiveInt,
        layers: Layers,
        dropout: Fraction,
    ):
        super().__init__()
        self.attention = attention
        self.dropout = nn.Dropout(dropout)
        self.source_embedding = nn.Embedding(source_vocab_size, embed)
        self.target_embedding = nn.Embedding(target_vocab_size, embed)
        self.encoder = stacked(embed, hidden, layers)
        self.decoder = stacked(embed + hidden if attention == "bahdanau" else embed, hidden, layers)
        if attention == "bahdanau":
            self.query, self.key = nn.Linear(hidden, hidden), nn.Linear(hidden, hidden, bias=False)
            self.energy = nn.Linear(hidden, 1, bias=False)
        if attention == "luong_general":
            self.key = nn.Linear(hidden, hidden, bias=False)
        if attention.startswith("luong"):
            self.combine = nn.Linear(2 * hidden, hidden)
        self.output = nn.Linear(hidden, target_vocab_size)

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        """(B, S) ids, (B,) lengths, (B, T) ids that begin with <bos> -> (B, T, V) logits of the word after each."""
        return self.decode(target, *self.encode(source, lengths))[0]

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, S) ids -> (B, S, H) outputs, (B, S) True in the padding, (B, layers, H) states at each sentence's end.

        Layer by layer, since torch's own final states would be those behind the padding.
        """
        x = self.source_embedding(source)  # (B, S, D)
        last = (lengths - 1).view(-1, 1, 1)
        states = []
        for layer in self.encoder:
            x = layer(self.dropout(x))[0]  # (B, S, H)
            states.append(x.gather(1, last.expand(-1, 1, x.shape[2])))
        padding = torch.arange(source.shape[1], device=source.device) >= lengths.unsqueeze(1)
        return x, padding, torch.cat(states, dim=1)

    def decode(self, target: Tensor, memory: Tensor, padding: Tensor, states: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, T) ids, what `encode` answers -> (B, T, V) logits, (B, T, S) attention weights; None without any."""
        x = self.dropout(self.target_embedding(target))  # (B, T, D)
        state = list(states.transpose(0, 1).unsqueeze(1).contiguous())  # a layer: (1, B, H)
        if self.attention == "bahdanau":
            return self.word_by_word(x, memory, padding, state)
        x = self.run(x, state)  # (B, T, H)
        if self.attention == "none":
            return self.output(self.dropout(x)), None
        keys = self.key(memory) if self.attention == "luong_general" else memory
        weights = softmax(x @ keys.transpose(1, 2), padding)  # (B, T, S)
        x = torch.tanh(self.combine(torch.cat([weights @ memory, x], dim=2)))
        return self.output(self.dropout(x)), weights

    def word_by_word(self, x: Tensor, memory: Tensor, padding: Tensor, state: list[Tensor]) -> tuple[Tensor, Tensor]:
        """The last layer's state before each word is the query: v' tanh(W q + U h)."""
        keys = self.key(memory)  # (B, S, H)
        outputs, looks = [], []
        for word in x.split(1, dim=1):  # (B, 1, D)
            query = self.query(state[-1].transpose(0, 1))  # (B, 1, H)
            weights = softmax(self.energy(torch.tanh(query + keys)).transpose(1, 2), padding)  # (B, 1, S)
            outputs.append(self.run(torch.cat([word, weights @ memory], dim=2), state))
            looks.append(weights)
        return self.output(self.dropout(torch.cat(outputs, dim=1))), torch.cat(looks, dim=1)

    def run(self, x: Tensor, state: list[Tensor]) -> Tensor:
        """The decoder's layers over (B, T, ...); `state` is then that after the last word."""
        for number, layer in enumerate(self.decoder):
            x = self.dropout(x) if number else x
            x, state[number] = layer(x, state[number])
        return x


def stacked(width: int, hidden: int, layers: int) -> nn.ModuleList:
    return nn.ModuleList(nn.GRU(hidden if number else width, hidden, batch_first=True) for number in range(layers))


def softmax(scores: Tensor, padding: Tensor) -> Tensor:
    """(B, T, S) scores -> weights, 0 in the padding."""
    return scores.masked_fill(padding.unsqueeze(1), -torch.inf).softmax(2)
