"""All models of pictures alike, and so no single module's: shapes at 28, 96 and 224 pixels, gradients, first layers,
and too small pictures."""

from typing import Any

import pytest
import torch
from models import CLASSES, IMAGES, image_model, thin

from dlrun.config import catalogue
from dlrun.errors import UserError


@pytest.mark.parametrize("side", [28, 96, 224, (40, 30)])
@pytest.mark.parametrize("name", IMAGES)
def test_shape(name: str, side: int | tuple[int, int]) -> None:
    height, width = (side, side) if isinstance(side, int) else side
    for colours in (1, 3):
        model = thin(name, side, colours=colours).eval()
        assert model(torch.rand(2, colours, height, width)).shape == (2, CLASSES)


NORMED = [(name, side, True) for name in IMAGES for side in (28, 96)]
PLAIN = [(name, 28, False) for name in IMAGES if "batch_norm" in catalogue.read("model", name)]  # can do without


@pytest.mark.parametrize(("name", "side", "batch_norm"), NORMED + PLAIN)
def test_gradients(name: str, side: int, batch_norm: bool) -> None:
    """Every parameter has one; without batch norm it may be 0, where a thin path's few channels are below 0."""
    torch.manual_seed(0)
    chosen: dict[str, Any] = {"dropout": 0.0, "batch_norm": batch_norm}
    options = {key: value for key, value in chosen.items() if key in catalogue.read("model", name)}
    model = thin(name, side, **options)
    answer = model(torch.randn(4, 1, side, side))
    (answer * torch.randn_like(answer)).sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key
        assert not batch_norm or parameter.grad.abs().sum() > 0, key


# first layers


@pytest.mark.parametrize("name", sorted({*IMAGES} - {"smallresnet"}))
def test_the_first_layer_follows_the_pictures(name: str) -> None:
    def shapes(side: int, stem: str) -> list[torch.Size]:
        with torch.device("meta"):
            return [each.shape for each in image_model(name, side, stem=stem).parameters()]

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
        f"{type(model).__name__} needs {smallest} x {smallest} pixels with a {stem} first layer; "
        f"the images have {smallest - 1} x {smallest + 9}. Type data.resize={advice}."
    )
    with pytest.raises(UserError) as error:
        thin(name, (smallest - 1, smallest + 9), stem=stem)
    assert str(error.value) == message
