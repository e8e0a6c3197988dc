"""Fashion-MNIST: bytes and their scale, the stand-in's best score, other sizes, the facts of the real one."""

import pytest
import torch
from readers import stand_in

from dlrun.data import fashion_mnist

pytestmark = pytest.mark.usefixtures("shared")


def test_stand_in():
    data = stand_in(fashion_mnist)
    assert data.train.x.dtype == torch.uint8 and data.train.x.shape == (2750, 1, 28, 28)
    assert (len(data.val), len(data.test)) == (250, 500)
    assert data.schema.sizes == {"in_features": 784, "in_channels": 1, "height": 28, "width": 28, "outputs": 10}
    pixels = data.train.x.double()
    assert data.schema.x_scale.mean.item() == pytest.approx(pixels.mean().item())
    assert data.schema.x_scale.std.item() == pytest.approx(pixels.std(correction=0).item())


def test_stand_ins_best_score():
    """The nearest class median, over all shifts, finds the pattern; the label is wrong in a tenth of the cases."""
    data = stand_in(fashion_mnist)
    means = torch.stack([data.train.x[data.train.y == label].float().median(0).values for label in range(10)])
    shifts = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    x = data.test.x.float()
    distance = torch.stack([(x - means.roll(s, (2, 3)).squeeze(1).unsqueeze(0)).square().sum((2, 3)) for s in shifts])
    right = (distance.min(0).values.argmin(1) == data.test.y).double().mean().item()
    assert right == pytest.approx(fashion_mnist.STAND_IN.best["accuracy"], abs=0.01)


def test_resized():
    data, small = stand_in(fashion_mnist), stand_in(fashion_mnist, resize=14)
    assert small.train.x.dtype == torch.uint8 and small.test.x.shape == (500, 1, 14, 14)
    assert (small.schema.sizes["height"], small.schema.sizes["width"], small.schema.sizes["in_features"]) == (
        14,
        14,
        196,
    )
    assert small.test.x.float().mean().item() == pytest.approx(data.test.x.float().mean().item(), rel=0.01)
    assert torch.equal(small.test.y, data.test.y)


@pytest.mark.real_data
def test_facts(real):
    data = real(fashion_mnist)
    assert (len(data.train), len(data.val), len(data.test)) == (55000, 5000, 10000)
    both = torch.cat([data.train.x, data.val.x])
    assert torch.bincount(torch.cat([data.train.y, data.val.y])).tolist() == [6000] * 10
    assert torch.bincount(data.test.y).tolist() == [1000] * 10
    counts = torch.bincount(both.flatten(), minlength=256).double()
    assert (counts @ torch.arange(256).double() / counts.sum()).item() / 255 == pytest.approx(0.2860, abs=5e-5)
    assert data.schema.labels[data.test.y[0]] == "ankle boot"  # as upstream's README shows its first picture
