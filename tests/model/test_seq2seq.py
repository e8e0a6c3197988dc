"""Recurrent translation: its encoder is torch's, and each attention is its paper's formula."""

import pytest
import torch
from models import SOURCE, TARGET, seq2seq
from torch import nn

B, S, T, H = 5, 7, 6, 8


def test_encoder_states_are_torchs_own() -> None:
    """Of two layers, for sentences without padding."""
    model = seq2seq("none")
    whole = nn.GRU(6, 8, 2, batch_first=True)
    for number, layer in enumerate(model.encoder):
        for name, value in layer.state_dict().items():
            getattr(whole, name.replace("l0", f"l{number}")).data.copy_(value)
    source = torch.randint(SOURCE, (B, S))
    outputs, last = whole(model.source_embedding(source))
    ours, _, states = model.encode(source, torch.full((B,), S))
    torch.testing.assert_close(ours, outputs)
    torch.testing.assert_close(states.transpose(0, 1), last)


def test_states_are_those_at_each_sentences_end() -> None:
    model, lengths = seq2seq("none"), torch.tensor([1, 4, 7, 2, 5])
    outputs, padding, states = model.encode(torch.randint(SOURCE, (B, S)), lengths)
    assert states[:, -1].equal(outputs[torch.arange(B), lengths - 1])
    assert padding.sum(1).tolist() == [6, 3, 0, 5, 2]


@pytest.mark.parametrize("attention", ["luong_dot", "luong_general"])
def test_luong_asks_with_the_state_after_a_word(attention: str) -> None:
    """tanh(W [sum of a h, s]) of weights a = softmax(s' h) or softmax(s' W h); here with no sentence padded."""
    torch.manual_seed(0)
    model = seq2seq(attention, layers=1)
    target = torch.randint(TARGET, (B, T))
    memory, padding, states = model.encode(torch.randint(SOURCE, (B, S)), torch.full((B,), S))
    s = model.decoder[0](model.target_embedding(target), states.transpose(0, 1).contiguous())[0]
    h = memory if attention == "luong_dot" else memory @ model.key.weight.T
    a = torch.einsum("bth,bsh->bts", s, h).softmax(2)
    context = torch.einsum("bts,bsh->bth", a, memory)
    expected = model.output(torch.tanh(model.combine(torch.cat([context, s], dim=2))))
    logits, weights = model.decode(target, memory, padding, states)
    torch.testing.assert_close(weights, a)
    torch.testing.assert_close(logits, expected)


def test_bahdanau_asks_with_the_state_before_a_word() -> None:
    """Of the first word: v' tanh(W q + U h), q where the encoder ended; what it answers goes into the next state."""
    torch.manual_seed(0)
    model = seq2seq("bahdanau", layers=1)
    target = torch.randint(TARGET, (B, 1))
    memory, padding, states = model.encode(torch.randint(SOURCE, (B, S)), torch.full((B,), S))
    q = states[:, -1:]
    a = model.energy(torch.tanh(model.query(q) + model.key(memory))).squeeze(2).softmax(1)  # (B, S)
    context = (a.unsqueeze(2) * memory).sum(1, keepdim=True)
    x = torch.cat([model.target_embedding(target), context], dim=2)
    expected = model.output(model.decoder[0](x, q.transpose(0, 1).contiguous())[0])
    logits, weights = model.decode(target, memory, padding, states)
    torch.testing.assert_close(weights.squeeze(1), a)
    torch.testing.assert_close(logits, expected)
