"""Recurrent layers as one operator each: the same answers, and torch as it was before."""

import pytest
import torch
from torch import nn

from dlrun.export import recurrent
from dlrun.model import scratch_rnn


@pytest.mark.parametrize("cell", [scratch_rnn.RNNCell, scratch_rnn.GRUCell, scratch_rnn.LSTMCell])
def test_written_out_layers_walk_by_a_scan(cell: type[nn.Module]) -> None:
    torch.manual_seed(0)
    made = cell(3, 4)
    state = (torch.randn(2, 4),) * int(made.states)  # type: ignore[arg-type]
    x = torch.randn(2, 5, 3)
    with torch.no_grad():
        (y, last), (wanted, after) = recurrent.scan_walk(made, x, state), scratch_rnn.Layers.walk(made, x, state)
    torch.testing.assert_close(y, wanted)
    torch.testing.assert_close(last, after)


def test_a_model_is_itself_again_when_an_exporter_fails() -> None:
    layers = nn.ModuleList([nn.LSTM(3, 4, batch_first=True), nn.LSTM(3, 4, proj_size=2), nn.GRUCell(3, 4)])
    kernels = dict(torch.ops.aten.gru.input.py_kernels)
    with pytest.raises(ValueError), recurrent.onnx_layers(layers), recurrent.whole_layers():
        assert ["forward" in vars(layer) for layer in layers] == [True, False, False]  # ONNX has no projection
        assert torch.ops.aten.gru.input.py_kernels != kernels or not kernels
        raise ValueError
    assert not any("forward" in vars(layer) for layer in layers)
    assert torch.ops.aten.gru.input.py_kernels == kernels


def test_onnx_has_its_gates_in_another_order() -> None:
    """LSTM: torch's i f g o are ONNX's i o f c. GRU: r z n are z r h."""
    for kind, places in ((nn.LSTM, (0, 3, 1, 2)), (nn.GRU, (1, 0, 2))):
        layer = kind(1, 1)
        layer.load_state_dict({**layer.state_dict(), "bias_ih_l0": torch.arange(len(places))})
        assert recurrent.gates(layer, "bias_ih_l0", recurrent.ONNX[kind][1]).tolist() == list(places)


def test_steps_first_is_not_guessed_at() -> None:
    layer = nn.GRU(3, 4)
    with pytest.raises(NotImplementedError, match="without batch_first"), recurrent.onnx_layers(layer):
        layer(torch.zeros(5, 2, 3))
