"""The Transformer that translates: attention is torch's own, and heads must fit."""

import pytest
import torch
from models import SOURCE, encoder_decoder
from torch import nn

from dlrun.errors import UserError
from dlrun.model.transformer import Attention
from dlrun.nn.positions import positions

B, S, T = 5, 7, 6


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


def test_words_are_as_large_as_their_positions() -> None:
    """sqrt(D) times a word's vector, plus the sines (section 3.4)."""
    model = encoder_decoder()
    ids = torch.tensor([[3, 3, 5]])
    found = model.embedded(ids, model.source_embedding)
    torch.testing.assert_close(found - positions(3, 8), model.source_embedding.weight[ids] * 8**0.5)
    wide = encoder_decoder(embed=256)
    assert wide.embedded(torch.arange(SOURCE).unsqueeze(0), wide.source_embedding).std().item() == pytest.approx(
        1.5**0.5,
        rel=0.1,  # 1 of the words, 1 / 2 of sines
    )


def test_parameters() -> None:
    """By hand, D = 8, F = 12: a look has 4 D^2 weights, two linear layers 2 D F + F + D, a norm 2 D."""
    look, feed, norm = 4 * 64, 2 * 96 + 20, 16
    words = (13 + 11) * 8
    encoder, decoder = look + feed + 2 * norm, 2 * look + feed + 3 * norm
    expected = words + 2 * (encoder + decoder) + 2 * norm + 8 * 11 + 11
    assert sum(each.numel() for each in encoder_decoder().parameters()) == expected


@pytest.mark.parametrize("changed", [{"embed": 9}, {"embed": 8, "heads": 3}])
def test_heads_must_fit(changed: dict[str, int]) -> None:
    with pytest.raises(UserError, match="must be even and a multiple of model.heads"):
        encoder_decoder(**changed)
