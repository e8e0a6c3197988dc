"""The neural probabilistic language model: its paper's formula, and what its state is."""

import pytest
import torch
from models import B, T, V, nnlm

from dlrun.errors import UserError


def test_it_is_the_papers_formula() -> None:
    """b + U tanh(d + H x), x the vectors of the last 4 tokens; before a text begins that of nothing, the last one."""
    torch.manual_seed(0)
    model = nnlm()
    row = [5, 2, 7]
    x = model.embedding.weight[[V, V, 5, 2]].flatten()  # what is known when the second token was read
    h = torch.tanh(model.hidden[0].weight @ x + model.hidden[0].bias)
    torch.testing.assert_close(model(torch.tensor([row])).logits[0, 1], model.output.weight @ h + model.output.bias)


def test_parameters() -> None:
    """Vectors of 20 words and of nothing, D = 6; a window of 4 to H = 10; H to 20 words."""
    assert sum(each.numel() for each in nnlm().parameters()) == 21 * 6 + (4 * 6 * 10 + 10) + (10 * 20 + 20)


def test_the_state_is_the_last_tokens() -> None:
    ids = torch.randint(V, (B, T))
    last = nnlm()(ids, None).state
    assert last.equal(ids[:, -3:]) and last.untyped_storage().nbytes() == last.numel() * 8  # no view of the whole pass


def test_tied_vectors_are_one_table() -> None:
    """With a row for nothing, which is never an answer."""
    model = nnlm(embed=10, tied=True)
    assert model.output.weight is model.embedding.weight and "output.bias" in dict(model.named_parameters())
    assert model.output.weight.shape == (V + 1, 10) and model.word_vectors().shape == (V, 10)
    assert model(torch.randint(V, (B, T)), None).logits.shape == (B, T, V)
    with pytest.raises(UserError, match="model.tied needs model.embed=10, its model.hidden."):
        nnlm(tied=True)
