"""AWD-LSTM: what its five dropouts drop, and that without them it is torch's LSTM."""

from typing import Any

import pytest
import torch
from models import DROPOUTS, V, awd_lstm, check_gradients
from options import ready
from torch import Tensor, nn

from dlrun.data.base import Data, Schema, Split
from dlrun.model.awd_lstm import AWDLSTM, WeightDropLSTM
from dlrun.task.lm import LanguageModel
from dlrun.text.vocab import Vocab

B, T, D, H = 4, 9, 6, 8


def model(layers: int = 3, **changed: Any) -> AWDLSTM:
    torch.manual_seed(0)
    return awd_lstm(layers, **changed)


def texts() -> Tensor:
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_shape_and_gradients(layers: int) -> None:
    trained = model(layers, **dict.fromkeys(DROPOUTS, 0.2), activation_penalty=2.0, change_penalty=1.0)
    state = trained(texts(), None).state
    logits, state, penalty, _ = trained(texts(), tuple((h.detach(), c.detach()) for h, c in state))
    assert logits.shape == (B, T, V) and penalty.shape == ()
    assert [h.shape for h, _ in state] == [(1, B, H)] * (layers - 1) + [(1, B, D)]
    check_gradients(trained, torch.cat([logits.flatten(), penalty.view(1)]))
    logits = trained.eval()(texts(), None).logits
    assert logits.shape == (B, T, V)
    assert trained.output.weight is trained.word_vectors() and "output.weight" not in dict(trained.named_parameters())


def test_without_dropout_training_is_the_same() -> None:
    torch.testing.assert_close(model().train()(texts(), None)[0], model().eval()(texts(), None)[0])


def test_dropped_weights_are_those_of_a_plain_lstm() -> None:
    """The fused road gives what torch's own LSTM gives with the same weights written into it, gradients too."""
    layer, plain = WeightDropLSTM(D, H, 0.5), nn.LSTM(D, H, batch_first=True)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(B, T, D)
    torch.manual_seed(5)
    mask = nn.functional.dropout(torch.ones(4 * H, H), 0.5)
    plain.weight_hh_l0 = nn.Parameter(layer.weight_hh_l0.detach() * mask)
    torch.manual_seed(5)
    y, state = layer(x, None)
    expected, expected_state = plain(x)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(state, expected_state)
    y.square().sum().backward()
    expected.square().sum().backward()
    assert layer.weight_hh_l0.grad is not None and plain.weight_hh_l0.grad is not None
    torch.testing.assert_close(layer.weight_hh_l0.grad, plain.weight_hh_l0.grad * mask)
    torch.testing.assert_close(layer.weight_ih_l0.grad, plain.weight_ih_l0.grad)
    assert not layer(x, None)[0].equal(y)  # the next call drops others
    torch.testing.assert_close(layer.eval()(x, None)[0], layer(x, None)[0], rtol=0, atol=0)


def test_a_dropped_word_is_gone_everywhere() -> None:
    embedded = model(word_dropout=0.5).embed(torch.arange(V).repeat(B, 3))
    zero = (embedded == 0).all(2)
    assert zero.equal(zero[:1, :V].repeat(B, 3)) and 0 < zero[0, :V].sum() < V
    kept = ~zero[0, :V]
    torch.testing.assert_close(embedded[0, :V][kept], model().embedding.weight[kept] * 2)


def test_a_locked_mask_is_the_same_for_all_tokens_and_other_for_other_texts() -> None:
    dropped = model().locked(torch.ones(B, T, 50), 0.5)
    assert dropped.equal(dropped[:, :1].expand(-1, T, -1))
    assert dropped.unique().tolist() == [0.0, 2.0] and not dropped[0].equal(dropped[1])


@pytest.mark.parametrize("name", DROPOUTS)
def test_each_dropout_changes_training_alone(name: str) -> None:
    changed: dict[str, Any] = {name: 0.5}
    trained, ids = model(**changed), texts()
    assert not trained(ids, None)[0].equal(trained(ids, None)[0])
    trained.eval()
    assert trained(ids, None)[0].equal(model().eval()(ids, None)[0])


def test_penalties() -> None:
    """Of (1, 3, 2): mean square (1 + 4 + 9 + 16 + 0 + 0) / 6 = 5; changes 2, 2, 3, 4: mean square 33 / 4."""
    x = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]])
    assert model(activation_penalty=2.0).penalty(x, x).item() == pytest.approx(10)
    assert model(change_penalty=4.0).penalty(x, 7 * x).item() == pytest.approx(33)
    assert model(change_penalty=4.0).penalty(x[:, :1], x[:, :1]).item() == 0


def test_penalty_is_in_the_loss_but_not_in_what_is_shown() -> None:
    ids = torch.arange(40) % V
    data = Data(
        Split(ids, offsets=torch.tensor([0, 40])),
        None,
        None,
        Schema({}, "text", vocab=Vocab([*map(str, range(V))], tokenization="word")),
    )
    task = ready(LanguageModel, data, goal="min perplexity", seq_len=5, sampling="consecutive")
    batch = next(iter(task.batches("train", B, seed=0, epoch=0)))
    plain, punished = (task.step(model(activation_penalty=value), batch) for value in (0.0, 100.0))
    assert punished.loss.item() > plain.loss.item() + 1e-3
    assert punished.values["loss"].item() == plain.values["loss"].item() == pytest.approx(plain.loss.item() * batch.n)
