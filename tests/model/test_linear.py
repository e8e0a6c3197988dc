"""One linear layer: W x + b of whatever shape comes in."""

import torch

from dlrun.model.linear import Linear


def test_an_answer_is_wx_and_b_of_the_flattened_input() -> None:
    model, x = Linear(12, 3), torch.randn(5, 1, 4, 3)
    assert {name: tuple(each.shape) for name, each in model.named_parameters()} == {
        "layer.weight": (3, 12),
        "layer.bias": (3,),
    }
    torch.testing.assert_close(model(x), x.view(5, 12) @ model.layer.weight.T + model.layer.bias)
