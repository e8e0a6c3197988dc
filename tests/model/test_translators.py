"""All translating models alike, and so no single module's: neither padding nor the words to come are seen."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from models import SOURCE, TARGET, check_gradients, encoder_decoder, seq2seq
from torch import Tensor, nn

from dlrun.text.beam import Translator

B, S, T = 5, 7, 6
MODELS: dict[str, Callable[[], Any]] = {
    "none": lambda: seq2seq("none"),
    "bahdanau": lambda: seq2seq("bahdanau"),
    "luong_dot": lambda: seq2seq("luong_dot"),
    "luong_general": lambda: seq2seq("luong_general"),
    "one layer": lambda: seq2seq("bahdanau", 1),
    "encoder_decoder": encoder_decoder,
}


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    return MODELS[request.param]()


def inputs() -> tuple[Tensor, Tensor, Tensor]:
    return torch.randint(SOURCE, (B, S)), torch.tensor([1, 7, 3, 5, 2]), torch.randint(TARGET, (B, T))


def test_shape_and_gradients(model: nn.Module) -> None:
    logits = model(torch.arange(B * S).view(B, S) % SOURCE, torch.full((B,), S), torch.randint(TARGET, (B, T)))
    assert logits.shape == (B, T, TARGET) and isinstance(model, Translator)
    check_gradients(model, logits)


def test_padding_changes_nothing(model: nn.Module) -> None:
    source, lengths, target = inputs()
    together = model(source, lengths, target)
    other = source.where(torch.arange(S) < lengths.unsqueeze(1), (source + 1) % SOURCE)
    assert not other.equal(source)
    torch.testing.assert_close(model(other, lengths, target), together)
    for row, length in enumerate(lengths.tolist()):
        alone = model(source[row : row + 1, :length], lengths[row : row + 1], target[row : row + 1])
        torch.testing.assert_close(alone[0], together[row])


def test_a_word_depends_on_those_before_it_alone(model: Any) -> None:
    source, lengths, target = inputs()
    kept = model.encode(source, lengths)
    assert all(len(part) == B for part in kept)
    whole, weights = model.decode(target, *kept)
    for steps in range(1, T):
        logits, some = model.decode(target[:, :steps], *kept)
        torch.testing.assert_close(logits, whole[:, :steps])
        assert weights is some is None or torch.allclose(some, weights[:, :steps], atol=1e-6)
    changed = target.clone()
    changed[:, 2] = (target[:, 2] + 1) % TARGET
    different = (model.decode(changed, *kept)[0] - whole).abs().amax((0, 2)) > 1e-6
    assert different.tolist() == [False, False, True, True, True, True]


def test_weights_are_shares_of_the_real_words(model: Any) -> None:
    source, lengths, target = inputs()
    _, weights = model.decode(target, *model.encode(source, lengths))
    if weights is None:
        assert model.attention == "none"
        return
    assert weights.shape == (B, T, S)
    torch.testing.assert_close(weights.sum(2), torch.ones(B, T))
    outside = torch.arange(S) >= lengths.unsqueeze(1)
    assert (weights.masked_select(outside.unsqueeze(1)) == 0).all()
    assert (weights[1] > 0).all()


def test_the_source_reaches_every_word(model: Any) -> None:
    source, lengths, target = inputs()
    other = model((source + 1) % SOURCE, lengths, target)
    assert ((other - model(source, lengths, target)).abs().amax(2) > 1e-6).all()
