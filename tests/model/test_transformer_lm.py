"""The Transformer that writes: what it remembers, and how far back is how far back, wherever a text is cut."""

import pytest
import torch
from models import B, T, V, transformer_lm

from dlrun.errors import UserError
from dlrun.model.transformer_lm import RelativeAttention, distances_back


def test_the_state_holds_the_context_alone() -> None:
    state = transformer_lm()(torch.randint(V, (B, T)), None).state
    assert state.shape == (2, B, 4, 8)
    assert state.untyped_storage().nbytes() == state.numel() * 4  # a view would take the whole pass into checkpoints


def test_distances() -> None:
    """Of two tokens behind three: how far each lies behind; below 0, it is yet to come."""
    assert distances_back(2, 3).tolist() == [[3, 2, 1, 0, -1], [4, 3, 2, 1, 0]]


def test_a_score_is_that_of_the_key_and_of_its_distance() -> None:
    """q (k + r) / sqrt(d), by hand for one head; 2 tokens back are the most that are seen."""
    torch.manual_seed(0)
    attention, x, distances = RelativeAttention(4, 1, 0.0), torch.randn(1, 5, 4), torch.randn(3, 4)
    q, k, v = attention.query(x)[0], attention.key(x)[0], attention.value(x)[0]
    r = attention.distance(distances)
    y = []
    for at in range(5):
        seen = range(max(0, at - 2), at + 1)
        weights = torch.stack([q[at] @ (k[before] + r[at - before]) / 2 for before in seen]).softmax(0)
        y.append(attention.output(weights @ v[list(seen)]))
    torch.testing.assert_close(attention(x, x, distances, distances_back(5, 0))[0], torch.stack(y))


def test_order_counts_within_the_window() -> None:
    """Without positions a layer's answer would be the same for any order of what lies before."""
    torch.manual_seed(0)
    ids = torch.tensor([[1, 2, 3, 4, 5]])
    for positions in ("learned", "sinusoidal"):
        model = transformer_lm(positions=positions, layers=1)
        first, *_ = model(ids, None)
        second, *_ = model(ids[:, [1, 0, 3, 2, 4]], None)
        assert (first[:, -1] - second[:, -1]).abs().max() > 1e-3


def test_tied_vectors_are_one_table() -> None:
    model = transformer_lm(tied=True)
    assert model.output.weight is model.embedding.weight and "output.bias" in dict(model.named_parameters())


def test_width_that_heads_do_not_divide() -> None:
    with pytest.raises(UserError, match="model.embed=10 must be even and a multiple of model.heads=4"):
        transformer_lm(embed=10, heads=4)
