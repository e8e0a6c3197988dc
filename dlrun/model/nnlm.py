"""The neural probabilistic language model: a window of words, one hidden layer (Bengio 2003, section 2)."""

import torch
from torch import Tensor, nn

from dlrun.errors import UserError
from dlrun.limits import Fraction, PositiveInt
from dlrun.model.base import Output


class NNLM(nn.Module):
    """b + U tanh(d + H x), x the vectors of the last `window` tokens side by side; without the direct connections W.

    Before a text begins there is one more token that stands for nothing; its vector is learned.
    """

    def __init__(
        self,
        vocab_size: int,
        *,
        window: PositiveInt,
        embed: PositiveInt,
        hidden: PositiveInt,
        dropout: Fraction,
        tied: bool,
    ):
        super().__init__()
        if tied and embed != hidden:
            raise UserError(f"model.tied needs model.embed={hidden}, its model.hidden.")
        self.nothing, self.window = vocab_size, window
        self.embedding = nn.Embedding(vocab_size + 1, embed)
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Sequential(nn.Linear(window * embed, hidden), nn.Tanh())
        self.output = nn.Linear(hidden, vocab_size + 1 if tied else vocab_size)
        if tied:
            nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
            nn.init.zeros_(self.output.bias)
            self.output.weight = self.embedding.weight

    def word_vectors(self) -> Tensor:
        return self.embedding.weight[: self.nothing]

    def embedding_tables(self) -> list[Tensor]:
        """What given vectors are written into. Where it is frozen the vector of nothing stays too, as it was drawn."""
        return [self.embedding.weight]

    def forward(self, ids: Tensor, state: Tensor | None = None) -> Output:
        """(B, T) ids, a state -> (B, T, V) logits, a state: the last tokens (B, window - 1), None at first."""
        if state is None:
            state = ids.new_full((len(ids), self.window - 1), self.nothing)
        read = torch.cat([state, ids], dim=1)
        windows = read.unfold(1, self.window, 1)  # (B, T, window)
        x = self.dropout(self.embedding(windows).flatten(2))
        logits = self.output(self.dropout(self.hidden(x)))
        return Output(logits[..., : self.nothing], read[:, ids.shape[1] :].clone())
