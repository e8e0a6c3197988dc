"""The optimizers written out: torch's own where both define the same, the course's formula where they do not."""

import io
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.optim import Optimizer

from dlrun.config.bind import locate, make_spec
from dlrun.errors import UserError
from dlrun.optim import scratch

BETAS = (0.9, 0.999)
PAIRS: dict[str, tuple[Callable[..., Optimizer], Callable[..., Optimizer], dict[str, Any]]] = {
    "sgd": (scratch.SGD, torch.optim.SGD, {"lr": 0.1}),
    "momentum": (scratch.Momentum, torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    "adagrad": (scratch.AdaGrad, torch.optim.Adagrad, {"lr": 0.1, "eps": 0.0}),  # without epsilon both are the same
    "rmsprop": (scratch.RMSProp, torch.optim.RMSprop, {"lr": 0.01, "alpha": 0.9, "eps": 0.0}),
    "adadelta": (scratch.AdaDelta, torch.optim.Adadelta, {"lr": 1.0, "rho": 0.9, "eps": 1e-5}),
    "adadelta, scaled": (scratch.AdaDelta, torch.optim.Adadelta, {"lr": 0.3, "rho": 0.95, "eps": 1e-3}),
    "adam": (scratch.Adam, torch.optim.Adam, {"lr": 0.01, "betas": BETAS, "eps": 1e-6}),
    "adam, large epsilon": (scratch.Adam, torch.optim.Adam, {"lr": 0.1, "betas": (0.8, 0.9), "eps": 0.5}),
    "adamw": (scratch.AdamW, torch.optim.AdamW, {"lr": 0.01, "betas": BETAS, "eps": 1e-6, "weight_decay": 0.3}),
}
SHAPES = ((3, 5), (7,), ())


def weights() -> list[torch.nn.Parameter]:
    draw = torch.Generator().manual_seed(3)
    return [torch.nn.Parameter(torch.randn(shape, generator=draw)) for shape in SHAPES]


def gradients(steps: int) -> list[list[Tensor]]:
    """Of sizes from 1e-3 to 10, other ones for each step."""
    draw = torch.Generator().manual_seed(4)
    sizes = torch.logspace(-3, 1, len(SHAPES))
    return [
        [torch.randn(shape, generator=draw) * size for shape, size in zip(SHAPES, sizes, strict=True)]
        for _ in range(steps)
    ]


def follow(optim: Optimizer, each: list[list[Tensor]]) -> list[Tensor]:
    """The optimizer's weights after a step with each of the gradients."""
    parameters = optim.param_groups[0]["params"]
    for grads in each:
        for x, g in zip(parameters, grads, strict=True):
            x.grad = g.clone()
        optim.step()
    return [x.detach().clone() for x in parameters]


def one_step(optim: Optimizer, x: torch.nn.Parameter, g: float) -> float:
    """How far x goes down in a step with gradient g."""
    before = x.item()
    x.grad = torch.full_like(x, g)
    optim.step()
    return before - x.item()


@pytest.mark.parametrize("name", PAIRS)
def test_equals_torch_over_100_steps(name: str) -> None:
    own, torchs, options = PAIRS[name]
    start, grads = weights(), gradients(100)
    ours, theirs = follow(own(weights(), **options), grads), follow(torchs(weights(), **options), grads)
    for a, b, before in zip(ours, theirs, start, strict=True):
        assert (b - before).abs().max() > 1e-3  # they have moved
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["sgd", "adadelta", "adam", "adamw"])
def test_equals_torch_when_the_lr_changes(name: str) -> None:
    own, torchs, options = PAIRS[name]
    ends = []
    for make in (own, torchs):
        optim = make(weights(), **options)
        follow(optim, gradients(20))
        optim.param_groups[0]["lr"] /= 10
        ends.append(follow(optim, gradients(20)))
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-5, atol=1e-5)


def test_momentum_keeps_the_lr_that_a_step_was_taken_with() -> None:
    """A step of 0.5, then lr 0.5 -> 0.05 and no gradient: the course goes on by 0.9 * 0.5, torch by a tenth of that."""
    steps = []
    for make in (scratch.Momentum, torch.optim.SGD):
        x = torch.nn.Parameter(torch.zeros(1))
        optim = make([x], lr=0.5, momentum=0.9)
        assert one_step(optim, x, 1.0) == pytest.approx(0.5)
        optim.param_groups[0]["lr"] = 0.05
        steps.append(one_step(optim, x, 0.0))
    assert steps == pytest.approx([0.45, 0.045])


@pytest.mark.parametrize(
    ("own", "torchs", "options", "share"),
    [
        (scratch.AdaGrad, torch.optim.Adagrad, {}, 1.0),
        (scratch.RMSProp, torch.optim.RMSprop, {"alpha": 0.9}, 0.1),  # of g^2 that is in s after one step
    ],
)
def test_epsilon_under_the_root_and_beside_it(own: Any, torchs: Any, options: dict[str, float], share: float) -> None:
    g, eps = 1e-3, 1e-6
    for make, divisor in ((own, math.sqrt(share * g**2 + eps)), (torchs, math.sqrt(share) * g + eps)):
        x = torch.nn.Parameter(torch.zeros(1))
        assert one_step(make([x], lr=1.0, eps=eps, **options), x, g) == pytest.approx(g / divisor, rel=1e-5)
    assert g / math.sqrt(g**2 + eps) == pytest.approx(0.707, rel=1e-3)  # what AdaGrad's docstring says
    assert g / (g + eps) == pytest.approx(0.999, rel=1e-4)


def test_adadelta_s_epsilon_is_where_torch_has_it_with_another_value() -> None:
    """The first step is sqrt(eps) / sqrt(0.1 g^2 + eps) g."""
    for make, eps in ((scratch.AdaDelta, 1e-5), (torch.optim.Adadelta, 1e-5), (torch.optim.Adadelta, 1e-6)):
        x = torch.nn.Parameter(torch.zeros(1))
        expected = math.sqrt(eps / (0.1 * 4 + eps)) * 2
        assert one_step(make([x], lr=1.0, rho=0.9, eps=eps), x, 2.0) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", PAIRS)
def test_goes_on_from_its_state_bit_for_bit(name: str) -> None:
    """Through a file read as checkpoints are; new gradients, so that a forgotten average or t would show."""
    own, _, options = PAIRS[name]
    grads = gradients(30)
    whole = follow(own(weights(), **options), grads)
    first = own(weights(), **options)
    halfway = follow(first, grads[:13])
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = own([torch.nn.Parameter(x) for x in halfway], **{**options, "lr": 77.0})
    second.load_state_dict(torch.load(file, weights_only=True))
    for a, b in zip(follow(second, grads[13:]), whole, strict=True):
        assert a.equal(b)


def test_weights_without_a_gradient_stay() -> None:
    x, still = torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(2))
    optim = scratch.AdamW([x, still], lr=0.1, betas=BETAS, eps=1e-6, weight_decay=0.1)
    assert optim.step(lambda: (x**2).sum().backward() or 5.0) == 5.0  # the closure makes the gradient
    assert still.tolist() == [1.0, 1.0] and x.tolist() == pytest.approx([0.89, 0.89], rel=1e-5)


def test_groups_have_their_own_lr() -> None:
    x, y = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    groups: list[scratch.Group] = [{"params": [x]}, {"params": [y], "lr": 0.5}]
    optim = scratch.SGD(groups, lr=0.1)
    x.grad = y.grad = torch.ones(1)
    optim.step()
    assert (x.item(), y.item()) == pytest.approx((-0.1, -0.5))


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        ("Momentum", {"lr": 0.1, "momentum": 1.0}, "optim.momentum=1.0: it must be from 0 to below 1."),
        ("AdaGrad", {"lr": 0.1, "eps": 0.0}, "optim.eps=0.0: it must be more than 0."),
        ("SGD", {"lr": 0.1, "momentum": 0.9}, "optim.momentum is not an option of SGD. Possible: lr."),
        ("Adam", {"lr": 0.1, "betas": [0.9], "eps": 1e-6}, "optim.betas=[0.9]: a list of 2 is expected."),
    ],
)
def test_refuses(target: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        make_spec("optim", options, locate("optim", f"dlrun.optim.scratch.{target}"))(params=weights())
    assert str(caught.value).startswith(message)
