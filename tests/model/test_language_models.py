"""The language models that look back at a window: shape, gradients, and that it does not matter where a text is cut."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dlrun.errors import UserError
from dlrun.model.nnlm import NNLM
from dlrun.model.transformer_lm import TransformerLM
from dlrun.text.embeddings import WordEmbedding

B, T, V = 3, 11, 20


def transformer(**changed: Any) -> TransformerLM:
    chosen: dict[str, Any] = {"embed": 8, "layers": 2, "heads": 2, "feed_forward": 12, "dropout": 0.0, "context": 4}
    return TransformerLM(V, **(chosen | {"positions": "learned", "tied": False} | changed))


def nnlm(window: int = 4, **changed: Any) -> NNLM:
    chosen: dict[str, Any] = {"embed": 6, "hidden": 10, "dropout": 0.0, "tied": False}
    return NNLM(V, window=window, **(chosen | changed))


# name -> how it is made, and how many tokens a prediction depends on
MODELS: dict[str, tuple[Callable[[], Any], int]] = {
    "learned positions": (transformer, 9),  # the token itself, and 4 before it in each of 2 layers
    "sinusoidal positions": (lambda: transformer(positions="sinusoidal"), 9),
    "tied": (lambda: transformer(tied=True, layers=1), 5),
    "nnlm": (nnlm, 4),
    "nnlm of one word": (lambda: nnlm(1), 1),
    "nnlm, tied": (lambda: nnlm(embed=10, tied=True), 4),
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    return MODELS[request.param][0]()


def texts() -> Tensor:
    return torch.randint(V, (B, T))


def test_shape_and_gradients(model: nn.Module) -> None:
    logits, state, *_ = model(texts(), None)
    assert logits.shape == (B, T, V)
    assert isinstance(model, WordEmbedding) and model.word_vectors().shape[0] == V
    logits = model(texts(), state.detach()).logits
    (logits * torch.randn_like(logits)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("pieces", [[5, 6], [1] * T, [3, 1, 7]])
def test_pieces_make_the_whole(model: nn.Module, pieces: list[int]) -> None:
    """The text is longer than the context, so tokens are forgotten on the way."""
    ids = texts()
    whole, kept, *_ = model(ids, None)
    state, logits = None, []
    for piece in ids.split(pieces, dim=1):
        answer, state, *_ = model(piece, state)
        logits.append(answer)
    torch.testing.assert_close(torch.cat(logits, 1), whole)
    torch.testing.assert_close(state, kept)
    if kept.numel():
        assert (
            model(ids[:, -1:], None)[0] - whole[:, -1:]
        ).abs().max() > 1e-3  # without the state it is another number


@pytest.mark.parametrize("name", MODELS)
def test_a_prediction_sees_its_window_and_no_more(name: str) -> None:
    torch.manual_seed(0)
    make, reach = MODELS[name]
    model, ids = make(), texts()
    at = T - 2
    before, *_ = model(ids, None)
    for changed in range(T):
        other = ids.clone()
        other[:, changed] = (other[:, changed] + 1) % V
        moved = (model(other, None)[0][:, at] - before[:, at]).abs().amax(1)
        assert bool((moved > 0).all()) == (at - reach < changed <= at)
        assert bool((moved == 0).all()) == (not at - reach < changed <= at)


def test_state_holds_the_context_alone() -> None:
    state = transformer()(texts(), None).state
    assert state.shape == (2, B, 4, 8)
    assert state.untyped_storage().nbytes() == state.numel() * 4  # a view would take the whole pass into checkpoints
    last = nnlm()(texts(), None).state
    assert last.shape == (B, 3) and last.untyped_storage().nbytes() == last.numel() * 8


def test_order_counts_within_the_window() -> None:
    """Without positions a layer's answer would be the same for any order of what lies before."""
    torch.manual_seed(0)
    ids = torch.tensor([[1, 2, 3, 4, 5]])
    for positions in ("learned", "sinusoidal"):
        model = transformer(positions=positions, layers=1)
        first, *_ = model(ids, None)
        second, *_ = model(ids[:, [1, 0, 3, 2, 4]], None)
        assert (first[:, -1] - second[:, -1]).abs().max() > 1e-3


def test_tied_vectors_are_one_table() -> None:
    for model in (transformer(tied=True), nnlm(embed=10, tied=True)):
        assert model.output.weight is model.embedding.weight
        assert "output.bias" in dict(model.named_parameters())
    with pytest.raises(UserError, match="model.tied needs model.embed=10, its model.hidden."):
        nnlm(tied=True)


def test_width_that_heads_do_not_divide() -> None:
    with pytest.raises(UserError, match="model.embed=10 must be even and a multiple of model.heads=4"):
        transformer(embed=10, heads=4)
