"""Recurrent networks gate by gate, in the course's equations (book 6.2, 6.5, 6.7 to 6.10), beside those of rnn.py.

x: (B, D) a step's inputs; H: (B, H) the state. A step is a few small products: plain to read, slower than torch's.
"""

from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from dlrun import limits
from dlrun.limits import Fraction, PositiveInt
from dlrun.model.rnn import Recurrent

State = tuple[Tensor, ...]  # (H,), for an LSTM (H, C)


class RNNCell(nn.Module):
    states = 1

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.W_xh, self.W_hh, self.b_h = weights(inputs, hidden)

    def forward(self, x: Tensor, H: Tensor) -> State:
        """(B, D), (B, H) -> (B, H)."""
        return (torch.tanh(x @ self.W_xh + H @ self.W_hh + self.b_h),)


class GRUCell(nn.Module):
    """The course resets the state before its product with W_hh, as Cho (2014) has it; torch and cuDNN reset the
    product, which has a bias of its own there: `reset_after` makes it so. They are two functions of the same weights.
    """

    states = 1

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.W_xr, self.W_hr, self.b_r = weights(inputs, hidden)
        self.W_xz, self.W_hz, self.b_z = weights(inputs, hidden)
        self.W_xh, self.W_hh, self.b_h = weights(inputs, hidden)
        self.b_hh: nn.Parameter | None = None

    def reset_after(self) -> None:
        self.b_hh = nn.Parameter(torch.zeros_like(self.b_h))

    def forward(self, x: Tensor, H: Tensor) -> State:
        """(B, D), (B, H) -> (B, H)."""
        R = torch.sigmoid(x @ self.W_xr + H @ self.W_hr + self.b_r)
        Z = torch.sigmoid(x @ self.W_xz + H @ self.W_hz + self.b_z)
        past = (R * H) @ self.W_hh if self.b_hh is None else R * (H @ self.W_hh + self.b_hh)
        H_new = torch.tanh(x @ self.W_xh + past + self.b_h)
        return (Z * H + (1 - Z) * H_new,)


class LSTMCell(nn.Module):
    states = 2

    def __init__(self, inputs: int, hidden: int):
        super().__init__()
        self.W_xi, self.W_hi, self.b_i = weights(inputs, hidden)
        self.W_xf, self.W_hf, self.b_f = weights(inputs, hidden)
        self.W_xo, self.W_ho, self.b_o = weights(inputs, hidden)
        self.W_xc, self.W_hc, self.b_c = weights(inputs, hidden)

    def forward(self, x: Tensor, H: Tensor, C: Tensor) -> State:
        """(B, D), (B, H), (B, H) -> (B, H), (B, H)."""
        I = torch.sigmoid(x @ self.W_xi + H @ self.W_hi + self.b_i)  # noqa: E741  # the course's letter
        F = torch.sigmoid(x @ self.W_xf + H @ self.W_hf + self.b_f)
        O = torch.sigmoid(x @ self.W_xo + H @ self.W_ho + self.b_o)  # noqa: E741
        C_new = torch.tanh(x @ self.W_xc + H @ self.W_hc + self.b_c)
        C = F * C + I * C_new
        return O * torch.tanh(C), C


def weights(inputs: int, hidden: int) -> list[nn.Parameter]:
    """(D, H), (H, H) and (H,), drawn as torch draws its own: evenly within 1 / sqrt(H) of 0."""
    bound = hidden**-0.5
    return [
        nn.Parameter(torch.empty(*shape).uniform_(-bound, bound))
        for shape in ((inputs, hidden), (hidden,) * 2, (hidden,))
    ]


class Layers(nn.Module):
    """Takes the place of `nn.LSTM(..., batch_first=True)`: cells above each other, dropout between them.

    A state is a tuple of (layers, B, H). Both directions are made of two of these by `dlrun.model.rnn.BiRNN`.
    """

    def __init__(
        self,
        cell: type[RNNCell | GRUCell | LSTMCell],
        embed: int,
        hidden: int,
        layers: int,
        *,
        batch_first: Literal[True],
        dropout: float,
    ):
        super().__init__()
        self.hidden, self.dropout = hidden, nn.Dropout(dropout)
        widths = [embed] + [hidden] * (layers - 1)
        self.cells = nn.ModuleList(cell(width, hidden) for width in widths)
        self.states = cell.states

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """(B, T, D) -> (B, T, H) and the last state."""
        if state is None:
            state = (x.new_zeros(len(self.cells), x.shape[0], self.hidden),) * self.states
        last = []
        for number, cell in enumerate(self.cells):
            x = self.dropout(x) if number else x
            x, end = self.walk(cell, x, tuple(part[number] for part in state))
            last.append(end)
        return x, tuple(torch.stack(parts) for parts in zip(*last, strict=True))

    @staticmethod
    def walk(cell: nn.Module, x: Tensor, state: State) -> tuple[Tensor, State]:
        """One cell over all steps: (B, T, D) -> (B, T, H) and its last state."""
        outputs = []
        for t in range(x.shape[1]):
            state = cell(x[:, t], *state)
            outputs.append(state[0])
        return torch.stack(outputs, dim=1), state


class ScratchRNN(Recurrent):
    cell = staticmethod(partial(Layers, RNNCell))


class ScratchLSTM(Recurrent):
    cell = staticmethod(partial(Layers, LSTMCell))


class ScratchGRU(Recurrent):
    cell = staticmethod(partial(Layers, GRUCell))

    def __init__(
        self,
        vocab_size: int,
        outputs: int | None = None,
        *,
        embed: PositiveInt,
        hidden: PositiveInt,
        layers: limits.Layers,
        dropout: Fraction,
        tied: bool,
        bidirectional: bool,
        reset: Literal["before", "after"],
    ):
        super().__init__(
            vocab_size,
            outputs,
            embed=embed,
            hidden=hidden,
            layers=layers,
            dropout=dropout,
            tied=tied,
            bidirectional=bidirectional,
        )
        if reset == "after":
            for cell in self.layers.modules():
                if isinstance(cell, GRUCell):
                    cell.reset_after()
