"""Recurrent networks: their state, tied vectors, what a classifier reads of a text, and both directions at once."""

import pytest
import torch
from models import CLASSES, RECURRENT, B, T, V, texts
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from dlrun.errors import UserError
from dlrun.model.rnn import GRU, LSTM, RNN, BiRNN


@pytest.mark.parametrize("cell", [RNN, GRU, LSTM])
def test_the_state_is_that_of_each_layer(cell: type[RNN] | type[GRU] | type[LSTM]) -> None:
    _, state, *_ = cell(V, **RECURRENT)(torch.randint(V, (B, T)), None)
    parts = state if isinstance(state, tuple) else (state,)
    assert [part.shape for part in parts] == [(2, B, 8)] * (2 if cell is LSTM else 1)


def test_tied_weights_are_one_table() -> None:
    model = GRU(V, **(RECURRENT | {"tied": True}))
    assert model.output.weight is model.embedding.weight is model.word_vectors()
    assert "output.weight" not in {name for name, _ in model.named_parameters()}
    untied = GRU(V, **RECURRENT)
    assert sum(p.numel() for p in untied.parameters()) - sum(p.numel() for p in model.parameters()) == V * 8


def test_a_classifier_reads_the_mean_and_the_maximum_over_the_words() -> None:
    torch.manual_seed(0)
    model, (ids, lengths) = GRU(V, CLASSES, **RECURRENT), texts()
    for row, length in enumerate(lengths.tolist()):
        h = model.layers(model.embedding(ids[row, :length]))[0]  # (T, H)
        expected = model.output(torch.cat([h.mean(0), h.amax(0)]))
        torch.testing.assert_close(model(ids, lengths)[row], expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tied": True, "embed": 4}, "model.tied needs a language model with model.embed=8"),
        ({"tied": True, "outputs": CLASSES}, "model.tied needs a language model with model.embed=8"),
        ({"bidirectional": True}, "A language model can't read from the right. Type model.bidirectional=false."),
    ],
)
def test_recurrent_refuses(options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        LSTM(V, **(RECURRENT | options))


def test_both_ways_equal_torchs_packed_sequences_with_its_weights() -> None:
    torch.manual_seed(0)
    theirs = nn.LSTM(6, 5, num_layers=2, batch_first=True, bidirectional=True)
    ours = BiRNN(nn.LSTM, 6, 5, layers=2, dropout=0.0)
    for layer in range(2):
        for module, suffix in ((ours.from_left[layer], ""), (ours.from_right[layer], "_reverse")):
            for name, parameter in module.named_parameters():
                parameter.data.copy_(getattr(theirs, name.replace("_l0", f"_l{layer}{suffix}")))
    x, lengths = torch.randn(4, 9, 6), torch.tensor([9, 1, 4, 7])
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(theirs(packed)[0], batch_first=True, total_length=9)
    found = ours(x, lengths)
    for text, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(found[text, :length], expected[text, :length])
