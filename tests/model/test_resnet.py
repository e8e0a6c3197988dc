"""ResNet: published numbers of weights, stages that are left out or shrink in two ways, blocks that hand on."""

import pytest
import torch
from models import image_model, layers_of, parameters, thin
from torch import nn

from dlrun.config import assemble
from dlrun.errors import UserError


def test_parameters_are_the_published_ones() -> None:
    assert parameters("resnet") == 11_689_512  # ResNet-18
    assert parameters("resnet", blocks=[3, 4, 6, 3]) == 21_797_672  # ResNet-34
    assert parameters("resnet", side=32, outputs=10) == 11_173_962  # ResNet-18 for small pictures


def test_the_small_one_is_small() -> None:
    assert parameters("smallresnet", 28, colours=1, outputs=10) == 77_754


def test_eighteen_layers_and_a_shortcut_where_the_shape_changes() -> None:
    model = thin("resnet", 96, channels=[4, 8, 16, 32])
    convolutions = layers_of(model, nn.Conv2d)
    shortcuts = [each for each in convolutions if each.kernel_size == (1, 1)]
    assert len(convolutions) - len(shortcuts) + len(layers_of(model, nn.Linear)) == 18
    assert [each.in_channels for each in shortcuts] == [4, 8, 16]


def test_a_stage_of_no_blocks_is_left_out() -> None:
    block = 2 * (16 * 16 * 9 + 2 * 16)  # two convolutions, each with its batch norm
    whole, without = (parameters("smallresnet", channels=[16, 32], blocks=[n, 1], side=28) for n in (1, 0))
    assert whole - without == block


def test_a_stage_shrinks_by_its_stride_or_by_pooling() -> None:
    strided, pooled = (
        thin("resnet", (8, 9), stem="small", channels=[2, 4, 8, 16], downsample=each).eval()
        for each in ("stride", "pool")
    )
    assert [x.shape for x in strided.parameters()] == [x.shape for x in pooled.parameters()]
    assert {layer.stride for layer in layers_of(pooled, nn.Conv2d)} == {(1, 1)}
    assert [layer.kernel_size for layer in layers_of(pooled, nn.MaxPool2d)] == [2, 2, 2]
    assert layers_of(strided, nn.MaxPool2d) == []
    assert pooled.layers[:-3](torch.rand(2, 1, 8, 9)).shape == (2, 16, 1, 1)
    assert strided.layers[:-3](torch.rand(2, 1, 8, 9)).shape == (2, 16, 1, 2)  # a stride rounds up, pooling down


def test_a_residual_block_without_its_change_hands_on() -> None:
    model = thin("smallresnet").eval()
    block = model.layers[1]
    nn.init.zeros_(block.change[2].weight)
    x = torch.rand(2, 4, 9, 9)
    assert block(x).equal(x)
    assert [type(each.shortcut) for each in model.layers[1:4]] == [nn.Identity, nn.Sequential, nn.Sequential]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": [2, 2]}, r"model.blocks=\[2, 2\]: both need as many stages"),
        ({"blocks": [], "channels": []}, "at least 1"),
    ],
)
def test_stages_that_do_not_match(options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        image_model("resnet", **options)


def test_a_layout_that_torch_breaks_in_is_left() -> None:
    """torch 2.13 ends the process, on some CPUs, where a strided 1 x 1 convolution of few channels has them last."""
    few, more = (thin("smallresnet", channels=[channels, 16], blocks=[1, 1]) for channels in (4, 8))
    pooled = thin("smallresnet", channels=[4, 16], blocks=[1, 1], downsample="pool")
    found = [assemble.layout(each) for each in (few, more, pooled)]
    assert found == [torch.contiguous_format, torch.channels_last, torch.channels_last]
