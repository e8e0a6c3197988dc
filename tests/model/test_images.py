"""Image models: shapes at 28, 96 and 224 pixels, gradients, published numbers of parameters, too small pictures."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dlrun.config import catalogue
from dlrun.config.bind import make_spec
from dlrun.errors import UserError
from dlrun.model.alexnet import AlexNet
from dlrun.model.base import Output
from dlrun.model.densenet import DenseNet
from dlrun.model.googlenet import GoogLeNet
from dlrun.model.nin import NiN
from dlrun.model.resnet import ResNet
from dlrun.model.vgg import VGG

CLASSES = 3
MODELS: dict[str, type[nn.Module]] = {
    "alexnet": AlexNet,
    "vgg": VGG,
    "nin": NiN,
    "googlenet": GoogLeNet,
    "resnet": ResNet,
    "smallresnet": ResNet,
    "densenet": DenseNet,
}
THIN: dict[str, dict[str, Any]] = {  # a test need not wait for a hundred million weights
    **{name: {"width_divisor": 16} for name in ("alexnet", "vgg", "nin", "googlenet")},
    "resnet": {"channels": [4, 4, 8, 8]},
    "smallresnet": {"channels": [4, 4, 8]},
    "densenet": {"channels": 8, "growth": 4},
}


def make(
    name: str, side: int | tuple[int, int] = 28, *, colours: int = 1, outputs: int = CLASSES, **options: Any
) -> Any:
    """A model with the values of its YAML, but for `options`; the same checks as on the command line."""
    node = catalogue.read("model", name) | options
    height, width = (side, side) if isinstance(side, int) else side
    return make_spec("model", node, MODELS[name])(in_channels=colours, height=height, width=width, outputs=outputs)


def thin(name: str, side: int | tuple[int, int] = 28, **options: Any) -> Any:
    return make(name, side, **(THIN[name] | options))


def parameters(name: str, side: int = 224, *, colours: int = 3, outputs: int = 1000, **options: Any) -> int:
    with torch.device("meta"):  # sizes alone: nothing is allocated
        model = make(name, side, colours=colours, outputs=outputs, **options)
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("side", [28, 96, 224, (40, 30)])
@pytest.mark.parametrize("name", MODELS)
def test_shape(name: str, side: int | tuple[int, int]) -> None:
    height, width = (side, side) if isinstance(side, int) else side
    for colours in (1, 3):
        model = thin(name, side, colours=colours).eval()
        assert model(torch.rand(2, colours, height, width)).shape == (2, CLASSES)


@pytest.mark.parametrize(("side", "batch_norm"), [(28, True), (96, True), (28, False)])
@pytest.mark.parametrize("name", MODELS)
def test_gradients(name: str, side: int, batch_norm: bool) -> None:
    """Every parameter has one; without batch norm it may be 0, where a thin path's few channels are below 0."""
    torch.manual_seed(0)
    options: dict[str, Any] = {key: 0.0 for key in ("dropout",) if key in catalogue.read("model", name)}
    if "batch_norm" in catalogue.read("model", name):
        options["batch_norm"] = batch_norm
    elif not batch_norm:
        pytest.skip("it can't do without batch norm")
    model = thin(name, side, **options)
    answer = model(torch.randn(4, 1, side, side))
    (answer * torch.randn_like(answer)).sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key
        assert not batch_norm or parameter.grad.abs().sum() > 0, key


# what authors counted: papers, the course, the libraries of trained models; three colours and ImageNet's classes

THREE_FOR_FIVE = 16 * (
    sum(narrow * out for narrow, out in ((16, 32), (32, 96), (16, 48), (24, 64), (24, 64), (32, 64)))
    + sum(narrow * out for narrow, out in ((32, 128), (32, 128), (48, 128)))
)
"""The well-known GoogLeNet of torchvision has 3 x 3 where the paper has 5 x 5: 16 weights fewer for each pair."""
COUNTED: dict[str, tuple[str, dict[str, Any], int]] = {
    "alexnet of the book": ("alexnet", {"colours": 1, "outputs": 10, "batch_norm": False}, 46_764_746),
    "nin of the book": ("nin", {"colours": 1, "outputs": 10, "batch_norm": False}, 1_992_166),
    "vgg-11": ("vgg", {"batch_norm": False, "width_divisor": 1}, 132_863_336),
    "vgg-11, batch norm": (
        "vgg",
        {"width_divisor": 1},
        132_868_840 - 2_752,
    ),  # here without the biases that it makes idle
    "vgg-16": ("vgg", {"batch_norm": False, "width_divisor": 1, "depth": 16}, 138_357_544),
    "vgg-19": ("vgg", {"batch_norm": False, "width_divisor": 1, "depth": 19}, 143_667_240),
    "googlenet": ("googlenet", {}, 6_624_904 + THREE_FOR_FIVE),
    "googlenet with its heads": ("googlenet", {"auxiliary": True}, 13_004_888 + THREE_FOR_FIVE),
    "resnet-18": ("resnet", {}, 11_689_512),
    "resnet-34": ("resnet", {"blocks": [3, 4, 6, 3]}, 21_797_672),
    "resnet-18 for small pictures": ("resnet", {"side": 32, "outputs": 10}, 11_173_962),
    "densenet-121": ("densenet", {"blocks": [6, 12, 24, 16], "bottleneck": True}, 7_978_856),
}


@pytest.mark.parametrize("title", COUNTED)
def test_parameters_are_the_published_ones(title: str) -> None:
    name, options, expected = COUNTED[title]
    assert parameters(name, **options) == expected


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


def test_the_small_one_is_small() -> None:
    assert parameters("smallresnet", 28, colours=1, outputs=10) == 77_754


# first layers


@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"smallresnet"}))
def test_the_first_layer_follows_the_pictures(name: str) -> None:
    def shapes(side: int, stem: str) -> list[torch.Size]:
        with torch.device("meta"):
            return [each.shape for each in make(name, side, stem=stem).parameters()]

    assert shapes(96, "auto") == shapes(96, "large")
    assert shapes(95, "auto") == shapes(95, "small")
    assert shapes(96, "large") != shapes(96, "small")


SMALLEST = {  # pixels that the large and the small first layer need
    "alexnet": (65, 15),
    "vgg": (32, 16),
    "nin": (67, 15),
    "googlenet": (32, 8),
    "resnet": (32, 8),
    "densenet": (32, 8),
}


@pytest.mark.parametrize("stem", ["large", "small"])
@pytest.mark.parametrize("name", SMALLEST)
def test_smallest_pictures(name: str, stem: str) -> None:
    """The smallest that is taken gives finite answers; one pixel less is refused in one line."""
    smallest = SMALLEST[name][stem == "small"]
    model = thin(name, (smallest, smallest + 9), stem=stem).eval()
    assert model(torch.rand(2, 1, smallest, smallest + 9)).isfinite().all()
    advice = "96 or model.stem=small" if stem == "large" else "28"
    message = (
        f"{MODELS[name].__name__} needs {smallest} x {smallest} pixels with a {stem} first layer; "
        f"the images have {smallest - 1} x {smallest + 9}. Type data.resize={advice}."
    )
    with pytest.raises(UserError) as error:
        thin(name, (smallest - 1, smallest + 9), stem=stem)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("resnet", {"blocks": [2, 2]}, "model.channels has 4 stages, model.blocks 2"),
        ("resnet", {"blocks": [], "channels": []}, "at least 1"),
        ("densenet", {"blocks": []}, "model.blocks needs one block at least"),
        ("vgg", {"depth": 12}, "model.depth=12: Possible: 11, 13, 16, 19"),
    ],
)
def test_refuses(name: str, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        make(name, **options)


# what is a model's own


def layers_of(model: nn.Module, kind: type[nn.Module]) -> list[Any]:
    return [each for each in model.modules() if isinstance(each, kind)]


def test_googlenet_has_side_heads_while_training_alone() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 1, 28, 28)
    model = thin("googlenet", auxiliary=True)
    answer = model(x)
    assert isinstance(answer, Output) and len(answer.auxiliary) == 2
    assert all(logits.shape == (4, CLASSES) for logits in (answer.logits, *answer.auxiliary))
    torch.cat(
        [logits.pow(2) for logits in answer.auxiliary]
    ).sum().backward()  # the heads reach back to the first layer
    assert model.stem[0][0].weight.grad.abs().sum() > 0
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.heads.parameters())
    assert model.output[2].weight.grad is None
    assert isinstance(model.eval()(x), Tensor)
    assert isinstance(thin("googlenet").train()(x), Tensor)


def test_an_inception_block_is_its_paths_side_by_side() -> None:
    model = make("googlenet", 96)
    sizes = [block.channels for stage in model.stages for block in stage]
    assert sizes == [256, 480, 512, 512, 512, 528, 832, 832, 1024]  # the paper's table 1


def test_a_residual_block_without_its_change_hands_on() -> None:
    model = thin("smallresnet").eval()
    block = model.layers[1]
    nn.init.zeros_(block.change[2].weight)
    x = torch.rand(2, 4, 9, 9)
    assert block(x).equal(x)
    assert [type(each.shortcut) for each in model.layers[1:4]] == [nn.Identity, nn.Sequential, nn.Sequential]


def test_a_dense_layer_keeps_what_came() -> None:
    model = thin("densenet").eval()
    x = torch.randn(2, 8, 9, 9)
    out = model.layers[1](x)
    assert out.shape == (2, 12, 9, 9) and out[:, :8].equal(x)
    deep = make("densenet", blocks=[6, 12, 24, 16], bottleneck=True)
    assert len(layers_of(deep, nn.Conv2d)) == 120  # and the linear one is the 121st


@pytest.mark.parametrize(("name", "count"), [("alexnet", 8), ("vgg", 11), ("nin", 12), ("resnet", 18)])
def test_depth_is_in_the_name(name: str, count: int) -> None:
    model = make(name, 96)
    weighted = layers_of(model, nn.Conv2d) + layers_of(model, nn.Linear)
    shortcuts = [each for each in layers_of(model, nn.Conv2d) if name == "resnet" and each.kernel_size == (1, 1)]
    assert len(weighted) - len(shortcuts) == count


def test_nin_answers_below_zero() -> None:
    torch.manual_seed(0)
    assert (thin("nin")(torch.randn(8, 1, 28, 28)) < 0).any()


def test_a_layout_that_torch_breaks_in_is_left(tmp_path: Path) -> None:
    """In a process of its own, which torch 2.13 ends where a strided 1 x 1 convolution of 4 channels has them last."""
    typed = [
        "model=smallresnet",
        "model.channels=[4,8]",
        "model.blocks=[1,1]",
        "stand_in=always",
        "trainer.max_steps=40",
    ]
    command = [sys.executable, "-m", "dlrun", *typed, "device=cpu", f"folder={tmp_path / 'run'}"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
