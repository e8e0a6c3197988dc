"""GoogLeNet: published numbers of weights, channels of the paper's table, and side heads while training alone."""

import torch
from models import CLASSES, image_model, parameters, thin
from torch import Tensor

from dlrun.model.base import Output
from dlrun.model.googlenet import Inception

THREE_FOR_FIVE = 16 * (
    sum(narrow * out for narrow, out in ((16, 32), (32, 96), (16, 48), (24, 64), (24, 64), (32, 64)))
    + sum(narrow * out for narrow, out in ((32, 128), (32, 128), (48, 128)))
)
"""The well-known GoogLeNet of torchvision has 3 x 3 where the paper has 5 x 5: 16 weights fewer for each pair."""


def test_parameters_are_the_published_ones() -> None:
    assert parameters("googlenet") == 6_624_904 + THREE_FOR_FIVE
    assert parameters("googlenet", auxiliary=True) == 13_004_888 + THREE_FOR_FIVE


def test_side_heads_answer_while_training_alone() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 1, 28, 28)
    model = thin("googlenet", auxiliary=True)
    answer = model(x)
    assert isinstance(answer, Output) and len(answer.auxiliary) == 2
    assert all(logits.shape == (4, CLASSES) for logits in (answer.logits, *answer.auxiliary))
    torch.cat([logits.pow(2) for logits in answer.auxiliary]).sum().backward()
    assert model.stem[0][0].weight.grad.abs().sum() > 0  # the heads reach back to the first layer
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.heads.parameters())
    assert model.output[2].weight.grad is None
    assert isinstance(model.eval()(x), Tensor)
    assert isinstance(thin("googlenet").train()(x), Tensor)


def test_channels_of_the_nine_blocks() -> None:
    model = image_model("googlenet", 96)
    sizes = [block.channels for stage in model.stages for block in stage]
    assert sizes == [256, 480, 512, 512, 512, 528, 832, 832, 1024]  # the paper's table 1


def test_a_block_is_its_four_paths_side_by_side() -> None:
    block, x = Inception(4, 2, 3, 5, 1, 3, 2, batch_norm=False), torch.randn(2, 4, 6, 5)
    answer = block(x)
    assert answer.shape == (2, 2 + 5 + 3 + 2, 6, 5)
    for path, part in zip(block.paths, answer.split([2, 5, 3, 2], dim=1), strict=True):
        assert path(x).equal(part)
