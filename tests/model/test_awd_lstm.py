"""AWD-LSTM: what is dropped is what the paper says, and without dropping it is torch's LSTM."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import dropout

from dlrun.model.awd_lstm import AWDLSTM

B, T, V = 3, 7, 20


def model(share: float = 0.0, layers: int = 2, tied: bool = True) -> AWDLSTM:
    torch.manual_seed(0)
    names = ("word_dropout", "input_dropout", "hidden_dropout", "output_dropout", "weight_dropout")
    return AWDLSTM(V, embed=6, hidden=10, layers=layers, tied=tied, **dict.fromkeys(names, share))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_shape_and_gradients(share: float, tied: bool) -> None:
    awd = model(share, tied=tied).train()
    ids = torch.randint(V, (B, T))
    _, state = awd(ids)
    logits, state = awd(ids, tuple(tuple(part.detach() for part in pair) for pair in state))
    assert logits.shape == (B, T, V)
    assert [h.shape[2] for h, _ in state] == [10, 6 if tied else 10]
    (logits * torch.randn_like(logits)).sum().backward()
    for name, parameter in awd.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0, name


def test_nothing_is_dropped_in_evaluation_and_pieces_make_the_whole() -> None:
    awd, plain = model(0.5).eval(), model(0.0).train()
    ids = torch.randint(V, (B, T))
    whole, kept = awd(ids)
    torch.testing.assert_close(plain(ids)[0], whole)
    first, state = awd(ids[:, :3])
    second, state = awd(ids[:, 3:], state)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(state, kept)


def test_weights_from_hidden_to_hidden_are_dropped() -> None:
    awd, x = model(0.5).train(), torch.randn(B, T, 6)
    layer: Any = awd.layers[0]
    torch.manual_seed(1)
    y, (h, c) = awd.through(layer, x, None)
    torch.manual_seed(1)
    other = nn.LSTM(6, 10, batch_first=True)
    torch.manual_seed(1)
    weights = layer.state_dict() | {"weight_hh_l0": dropout(layer.weight_hh_l0.detach(), 0.5)}
    assert 0.3 < float((weights["weight_hh_l0"] == 0).float().mean()) < 0.7
    other.load_state_dict(weights)
    expected, state = other(x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close((h, c), state)
    y.sum().backward()
    assert (layer.weight_hh_l0.grad[weights["weight_hh_l0"] == 0] == 0).all()


def test_units_are_dropped_at_all_steps_and_words_as_a_whole() -> None:
    awd = model(0.5).train()
    x = awd.locked(torch.ones(50, T, 40), 0.5)
    assert (x == x[:, :1]).all() and set(x.unique().tolist()) == {0.0, 2.0}
    assert 0.45 < float((x[:, 0] == 0).float().mean()) < 0.55
    table = awd.words()
    gone = (table == 0).all(1)
    assert 0 < int(gone.sum()) < V
    torch.testing.assert_close(table[~gone], 2 * awd.embedding.weight[~gone])
