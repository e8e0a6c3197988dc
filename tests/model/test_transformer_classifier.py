"""A transformer encoder that classifies: it sees order, its layer is torch's own, and heads must fit."""

import pytest
import torch
from models import transformer_classifier
from torch import nn

from dlrun.errors import UserError
from dlrun.model.transformer_classifier import Layer


def test_a_text_transformer_sees_the_order_of_words() -> None:
    torch.manual_seed(0)
    model = transformer_classifier().eval()
    there, back = torch.arange(1, 6).unsqueeze(0), torch.arange(5, 0, -1).unsqueeze(0)
    assert not torch.allclose(model(there, torch.tensor([5])), model(back, torch.tensor([5])), atol=1e-4)


@pytest.mark.parametrize(("embed", "heads"), [(8, 3), (5, 5)])
def test_heads_share_a_vector_evenly(embed: int, heads: int) -> None:
    with pytest.raises(UserError, match=f"model.embed={embed} must be even and divisible by model.heads={heads}"):
        transformer_classifier(embed=embed, heads=heads)


def test_a_layer_is_torchs_own() -> None:
    """With its weights, norm first, and words that may not be looked at."""
    torch.manual_seed(0)
    ours = Layer(8, 2, 16, 0.0)
    theirs = nn.TransformerEncoderLayer(8, 2, 16, 0.0, "gelu", batch_first=True, norm_first=True)
    names = {
        "self_attn.in_proj": ours.queries_keys_values,
        "self_attn.out_proj": ours.joined,
        "linear1": ours.feed_forward[0],
        "linear2": ours.feed_forward[2],
        "norm1": ours.norm,
        "norm2": ours.norm2,
    }
    with torch.no_grad():
        for name, layer in names.items():
            for kind in ("weight", "bias"):
                between = "_" if name.endswith("in_proj") else "."
                theirs.get_parameter(f"{name}{between}{kind}").copy_(getattr(layer, kind))
    x, inside = torch.randn(3, 6, 8), torch.arange(6) < torch.tensor([[6], [1], [4]])
    torch.testing.assert_close(ours(x, inside), theirs(x, src_key_padding_mask=~inside))
