"""The networks of tensors alone: from the same start, the same training ends where the concise forms end."""

from typing import Any

import pytest
import torch
from options import options, ready
from torch import Tensor, nn

from dlrun.data.base import Data, Schema, Split
from dlrun.model.linear import Linear
from dlrun.model.mlp import MLP
from dlrun.model.scratch_linear import ScratchLinear, ScratchMLP, ScratchSoftmax, dropped, log_softmax
from dlrun.optim import scratch
from dlrun.task.base import Task
from dlrun.task.classify import Classify
from dlrun.task.classify_images import ClassifyImages
from dlrun.task.regress import Regress

PIXELS, CLASSES = 4 * 3, 5


def regression() -> Regress:
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(60, 3, generator=draw)
    y = x @ torch.tensor([[2.0], [-3.4], [0.5]]) + 4.2 + 0.1 * torch.randn(60, 1, generator=draw)
    split = Split(x, y)
    data = Data(split, split, None, Schema({"in_features": 3, "outputs": 1}, "table", "number"))
    return ready(Regress, data, **options("task/regress"))


def images() -> Classify:
    """The class is the largest of five sums of pixels."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(256, (120, 1, 4, 3), generator=draw, dtype=torch.uint8)
    y = (x.flatten(1).float() @ torch.randn(PIXELS, CLASSES, generator=draw)).argmax(1)
    sizes = {"in_features": PIXELS, "in_channels": 1, "height": 4, "width": 3, "outputs": CLASSES}
    split = Split(x, y)
    return ready(
        ClassifyImages,
        Data(split, split, None, Schema(sizes, "image", "class")),
        **options("task/classify_images", label_smoothing=0.1),
    )


def train(task: Task, model: nn.Module, optim: torch.optim.Optimizer) -> list[float]:
    losses = []
    for epoch in range(10):
        for batch in task.batches("train", 20, seed=0, epoch=epoch):
            scores = task.step(model, batch)
            optim.zero_grad()
            scores.loss.backward()
            optim.step()
            losses.append(scores.loss.item())
    return losses


def mlp() -> ScratchMLP:
    return ScratchMLP(PIXELS, CLASSES, hidden=[8, 6], dropout=0.0, std=None)


def concise_mlp() -> MLP:
    return MLP(PIXELS, CLASSES, hidden=[8, 6], activation="relu", batch_norm=False, dropout=0.0)


PAIRS: dict[str, tuple[Any, Any, Any]] = {  # task, own form, concise form
    "linear": (regression, lambda: ScratchLinear(3, 1, std=0.01), lambda: Linear(3, 1)),
    "softmax": (images, lambda: ScratchSoftmax(1, 4, 3, CLASSES, std=0.01), lambda: Linear(PIXELS, CLASSES)),
    "mlp": (images, mlp, concise_mlp),
}


def in_turn(model: nn.Module) -> list[Tensor]:
    """A matrix (in, out) and its biases, layer by layer, in either form."""
    if isinstance(model, ScratchMLP):
        return [tensor for layer in zip(model.w, model.b, strict=True) for tensor in layer]
    if isinstance(model, ScratchLinear | ScratchSoftmax):
        return [model.w, model.b]
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    return [tensor for layer in layers for tensor in (layer.weight.T, layer.bias)]


@pytest.mark.parametrize("name", PAIRS)
def test_ends_where_the_concise_form_ends(name: str) -> None:
    """Ten passes, written-out gradient descent beside torch's: each step's loss, and every weight at the end."""
    make_task, make_own, make_concise = PAIRS[name]
    torch.manual_seed(0)
    own, concise = make_own(), make_concise()
    with torch.no_grad():
        for a, b in zip(in_turn(concise), in_turn(own), strict=True):
            a.copy_(b)
    ours = train(make_task(), own, scratch.SGD(own.parameters(), lr=0.1))
    theirs = train(make_task(), concise, torch.optim.SGD(concise.parameters(), lr=0.1))
    assert ours == pytest.approx(theirs, rel=1e-4)
    assert sum(ours[-5:]) < 0.9 * sum(ours[:5])
    for a, b in zip(in_turn(own), in_turn(concise), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_linear_finds_the_true_weights() -> None:
    own = ScratchLinear(3, 1, std=0.01)
    train(regression(), own, scratch.SGD(own.parameters(), lr=0.3))
    assert own.w.flatten().tolist() == pytest.approx([2.0, -3.4, 0.5], abs=0.1)
    assert own.b.item() == pytest.approx(4.2, abs=0.1)


def test_log_softmax_is_torch_s_even_for_large_numbers() -> None:
    o = torch.tensor([[1.0, 2.0, -3.0], [1000.0, 1000.0, -1000.0]])
    answer = log_softmax(o)
    torch.testing.assert_close(answer, torch.log_softmax(o, 1))
    torch.testing.assert_close(log_softmax(answer), answer)  # which is why cross entropy may be taken of it
    torch.testing.assert_close(answer.softmax(1), o.softmax(1))


def test_first_weights() -> None:
    torch.manual_seed(0)
    model = ScratchMLP(784, 10, hidden=[256], dropout=0.0, std=0.01)
    assert [tuple(w.shape) for w in model.w] == [(784, 256), (256, 10)]
    assert model.w[0].std().item() == pytest.approx(0.01, rel=0.02)
    assert not any(b.any() for b in model.b)
    he = ScratchMLP(784, 10, hidden=[256], dropout=0.0, std=None)
    assert he.w[0].std().item() == pytest.approx((2 / 784) ** 0.5, rel=0.02)


def test_dropout_keeps_the_mean() -> None:
    torch.manual_seed(0)
    x = torch.full((200, 500), 3.0)
    y = dropped(x, 0.25)
    assert y.unique().tolist() == [0.0, 4.0]
    assert y.mean().item() == pytest.approx(3.0, rel=0.01)
    model = ScratchMLP(PIXELS, CLASSES, hidden=[64], dropout=0.5, std=None)
    images = torch.rand(8, PIXELS)
    assert not model(images).equal(model(images))
    assert model.eval()(images).equal(model(images))
