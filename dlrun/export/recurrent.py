"""Recurrent layers as a graph for any number of steps: torch's exporters write one step after another, as many as the
example has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from dlrun.model import scratch_rnn

State = tuple[Tensor, ...]
ATEN = torch.ops.aten
# ONNX has other orders: LSTM i o f c for torch's i f g o, GRU z r h for r z n.
ONNX = {nn.LSTM: ("LSTM", (0, 3, 1, 2)), nn.GRU: ("GRU", (1, 0, 2)), nn.RNN: ("RNN", (0,))}


# torch.export


def lstm_shapes(x: Tensor, state: Sequence[Tensor], *_: object) -> tuple[Tensor, ...]:
    return (*rnn_shapes(x, state[0], *_), torch.empty_like(state[1]))


def rnn_shapes(x: Tensor, h: Tensor, *rest: object) -> tuple[Tensor, Tensor]:
    directions = 2 if rest[-2] else 1  # bidirectional; batch_first decides nothing here
    return x.new_empty(*x.shape[:-1], h.shape[-1] * directions), torch.empty_like(h)


@contextmanager
def whole_layers() -> Iterator[None]:
    """Within it torch.export keeps a recurrent layer as one operator.

    It does so anyway, but asks torch's written-out form for the shapes, which loops over the steps of the example: the
    length would be fixed. There is no public way to give an operator of torch's own another one.
    """
    ops: dict[Any, Callable[..., tuple[Tensor, ...]]] = {
        ATEN.lstm.input: lstm_shapes,
        **dict.fromkeys((ATEN.gru.input, ATEN.rnn_tanh.input, ATEN.rnn_relu.input), rnn_shapes),
    }
    before = {op: dict(op.py_kernels) for op in ops}
    try:
        for op, shapes in ops.items():
            op.py_kernels.update(dict.fromkeys(op.py_kernels, shapes))
            op._dispatch_cache.clear()
        yield
    finally:
        for op, kernels in before.items():
            op.py_kernels.clear()
            op.py_kernels.update(kernels)
            op._dispatch_cache.clear()


# ONNX


@contextmanager
def onnx_layers(model: nn.Module) -> Iterator[None]:
    """Within it a model's RNN, GRU and LSTM layers are ONNX's own operators, which onnxruntime has fast code for."""
    kinds = nn.LSTM | nn.GRU | nn.RNN
    layers: list[nn.RNNBase] = [each for each in model.modules() if isinstance(each, kinds) and not each.proj_size]
    try:
        for layer in layers:
            layer.forward = partial(onnx_forward, layer)
        yield
    finally:
        for layer in layers:
            del layer.forward


def onnx_forward(layer: nn.RNNBase, x: Tensor, state: Tensor | State | None = None) -> tuple[Tensor, Tensor | State]:
    """As the layer's own, in eval mode: (B, T, D), a state -> (B, T, H), a state; batch_first only."""
    if not layer.batch_first:
        raise NotImplementedError("a recurrent layer without batch_first")
    wide, is_lstm = 2 if layer.bidirectional else 1, isinstance(layer, nn.LSTM)
    if state is None:
        zeros = x.new_zeros(layer.num_layers * wide, x.shape[0], layer.hidden_size)
        state = (zeros, zeros) if is_lstm else zeros
    parts = state if isinstance(state, tuple) else (state,)
    x, ends = x.transpose(0, 1), []  # ONNX: (T, B, D)
    for number in range(layer.num_layers):
        y, *end = onnx_layer(layer, number, x, [part[number * wide : (number + 1) * wide] for part in parts])
        x = y.transpose(1, 2).flatten(2)  # (T, directions, B, H) -> (T, B, directions * H)
        ends.append(end)
    after = tuple(torch.cat(each) for each in zip(*ends, strict=True))
    return x.transpose(0, 1), after if is_lstm else after[0]


def onnx_layer(layer: nn.RNNBase, number: int, x: Tensor, state: list[Tensor]) -> Sequence[Tensor]:
    """(T, B, D), (directions, B, H) each -> (T, directions, B, H), (directions, B, H) each."""
    name, order = next(said for kind, said in ONNX.items() if isinstance(layer, kind))
    sides = ("", "_reverse") if layer.bidirectional else ("",)

    def weight(*names: str) -> Tensor:
        return torch.stack(
            [torch.cat([gates(layer, f"{each}_l{number}{side}", order) for each in names]) for side in sides]
        )

    bias = weight("bias_ih", "bias_hh") if layer.bias else None
    direction = "bidirectional" if layer.bidirectional else "forward"
    own: dict[str, int | list[str]] = {}
    if name == "GRU":
        own = {"linear_before_reset": 1}
    if name == "RNN":
        own = {"activations": [str(layer.nonlinearity).capitalize()] * len(sides)}
    given = [x, weight("weight_ih"), weight("weight_hh"), bias, None, *state]
    shapes = [(x.shape[0], len(sides), x.shape[1], layer.hidden_size), *(part.shape for part in state)]
    return torch.onnx.ops.symbolic_multi_out(
        name,
        given,
        {"hidden_size": layer.hidden_size, "direction": direction, **own},
        dtypes=[x.dtype] * len(shapes),
        shapes=shapes,
        version=14,
    )


def gates(layer: nn.RNNBase, name: str, order: Sequence[int]) -> Tensor:
    parts = getattr(layer, name).chunk(len(order))
    return torch.cat([parts[place] for place in order])


# layers written out


@contextmanager
def scanned(model: nn.Module) -> Iterator[None]:
    """Within it dlrun's written-out layers walk by torch's scan, which stays one operator for any number of steps."""
    layers = [layer for layer in model.modules() if isinstance(layer, scratch_rnn.Layers)]
    try:
        for layer in layers:
            layer.walk = scan_walk  # type: ignore[method-assign]
        yield
    finally:
        for layer in layers:
            del layer.walk


def scan_walk(cell: Callable[..., State], x: Tensor, state: State) -> tuple[Tensor, State]:
    """(B, T, D) -> (B, T, H) and the last state, as `scratch_rnn.walk`."""
    from torch._higher_order_ops.scan import scan

    def step(state: State, x: Tensor) -> tuple[State, Tensor]:
        after = cell(x, *state)
        return tuple(part.clone() for part in after), after[0].clone()

    last, outputs = scan(step, state, x.transpose(0, 1))
    return outputs.transpose(0, 1), last
