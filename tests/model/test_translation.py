"""The translating models: shape, gradients, and that neither padding nor the words to come are seen."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dlrun.errors import UserError
from dlrun.model.seq2seq import Seq2Seq
from dlrun.model.transformer import Attention, EncoderDecoder
from dlrun.nn.positions import positions

B, S, T, SOURCE, TARGET = 5, 7, 6, 13, 11


def seq2seq(attention: Any, layers: int = 2) -> Seq2Seq:
    return Seq2Seq(SOURCE, TARGET, attention=attention, embed=6, hidden=8, layers=layers, dropout=0.0)


def encoder_decoder(**changed: Any) -> EncoderDecoder:
    chosen: dict[str, Any] = {"embed": 8, "heads": 2, "feed_forward": 12, "layers": 2, "dropout": 0.0} | changed
    return EncoderDecoder(SOURCE, TARGET, **chosen)


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
    assert logits.shape == (B, T, TARGET)
    (logits * torch.randn_like(logits)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0, name


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


def test_attention_is_torchs_own() -> None:
    torch.manual_seed(0)
    ours, theirs = Attention(8, 2, 0.0), nn.MultiheadAttention(8, 2, bias=False, batch_first=True)
    theirs.in_proj_weight.data = torch.cat([ours.query.weight, ours.key.weight, ours.value.weight])
    theirs.out_proj.weight.data = ours.output.weight
    x, memory = torch.randn(B, T, 8), torch.randn(B, S, 8)
    unseen = torch.arange(S) >= torch.tensor([1, 7, 3, 5, 2]).unsqueeze(1)
    y, weights = ours(x, memory, unseen.unsqueeze(1))
    expected, looks = theirs(x, memory, memory, key_padding_mask=unseen, average_attn_weights=False)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(weights, looks)


def test_positions_differ_and_are_the_formulas() -> None:
    table = positions(50, 8)
    assert table.shape == (50, 8) and len(table.unique(dim=0)) == 50
    assert table[3, 4].item() == pytest.approx(torch.tensor(3 / 10_000**0.5).sin().item())
    assert table[3, 5].item() == pytest.approx(torch.tensor(3 / 10_000**0.5).cos().item())


@pytest.mark.parametrize("changed", [{"embed": 9}, {"embed": 8, "heads": 3}])
def test_heads_must_fit(changed: dict[str, int]) -> None:
    with pytest.raises(UserError, match="must be even and a multiple of model.heads"):
        encoder_decoder(**changed)
