"""Optimizers written out: the formulas of the course (book 7; AdamW: Loshchilov & Hutter 2019) in its letters.

x: weights, g: gradient, t: number of the step, from 1 on; the rest is named where it is used. Squares, roots and
quotients are taken element by element. A step makes new tensors for each term, so it is slower than torch's; the
results are torch's, but where a docstring says otherwise.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT

from dlrun.errors import UserError
from dlrun.limits import Fraction, NonNegativeFloat, PositiveFloat

# As torch has them: what is remembered of one tensor of weights, and the options of a group of them.
Memory = dict[str, Any]
Group = dict[str, Any]


class Scratch(Optimizer):
    """Walks over the weights; a subclass names its `averages`, which begin at 0, and changes one tensor in `update`."""

    averages: tuple[str, ...] = ()

    def __init__(self, params: ParamsT, **options: object):
        super().__init__(params, options)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]  # torch overloads it
        """One step for every weight that has a gradient; what the closure says, if one is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for x in group["params"]:
                if x.grad is not None:
                    self.update(x, x.grad, self.memory(x), group)
        return loss

    def memory(self, x: Tensor) -> Memory:
        """What is remembered of x: `t` and its averages."""
        memory: Memory = self.state[x]
        if not memory:
            memory |= {"t": 0} | {name: torch.zeros_like(x) for name in self.averages}
        memory["t"] += 1
        return memory

    def update(self, x: Tensor, g: Tensor, memory: Memory, group: Group) -> None:
        raise NotImplementedError


class SGD(Scratch):
    """Gradient descent on a batch's gradient (book 7.2)."""

    def __init__(self, params: ParamsT, *, lr: NonNegativeFloat):
        super().__init__(params, lr=lr)

    def update(self, x: Tensor, g: Tensor, memory: Memory, group: Group) -> None:
        # x <- x - eta g
        x -= group["lr"] * g


class Momentum(Scratch):
    """Gradient descent with a velocity (book 7.4).

    The learning rate is inside the velocity: steps once taken go on at the learning rate they were taken with. torch
    has v <- gamma v + g and x <- x - eta v, so there a new learning rate scales what is left of the old steps as well.
    As long as it does not change, both are the same.
    """

    averages = ("v",)

    def __init__(self, params: ParamsT, *, lr: NonNegativeFloat, momentum: Fraction):
        super().__init__(params, lr=lr, momentum=momentum)

    def update(self, x: Tensor, g: Tensor, memory: Memory, group: Group) -> None:
        # v <- gamma v + eta g
        # x <- x - v
        eta, gamma, v = group["lr"], group["momentum"], memory["v"]
        v.copy_(gamma * v + eta * g)
        x -= v


class AdaGrad(Scratch):
    """A learning rate for each weight, which falls with the sum of its squared gradients (book 7.5; Duchi 2011).

    Epsilon stands under the root; torch adds it to the root. With small gradients that is much: a first gradient of
    0.001 makes a step of 0.7 eta for epsilon = 1e-6 here, and of 0.999 eta in torch.
    """

    averages = ("s",)

    def __init__(self, params: ParamsT, *, lr: NonNegativeFloat, eps: PositiveFloat):
        super().__init__(params, lr=lr, eps=eps)

    def update(self, x: Tensor, g: Tensor, memory: Memory, group: Group) -> None:
        # s <- s + g^2
        # x <- x - eta / sqrt(s + epsilon) g
        eta, epsilon, s = group["lr"], group["eps"], memory["s"]
        s.copy_(s + g**2)
        x -= eta / torch.sqrt(s + epsilon) * g


class RMSProp(Scratch):
    """AdaGrad with a moving average instead of the sum (book 7.6; Tieleman & Hinton 2012).

    Epsilon stands under the root; torch adds it to the root. `alpha` is torch's name for the course's gamma.
    """

    averages = ("s",)

    def __init__(self, params: ParamsT, *, lr: NonNegativeFloat, alpha: Fraction, eps: PositiveFloat):
        super().__init__(params, lr=lr, alpha=alpha, eps=eps)

    def update(self, x: Tensor, g: Tensor, memory: Memory, group: Group) -> None:
        # s <- gamma s + (1 - gamma) g^2
        # x <- x - eta / sqrt(s + epsilon) g
        eta, gamma, epsilon, s = group["lr"], group["alpha"], group["eps"], memory["s"]
        s.copy_(gamma * s + (1 - gamma) * g**2)
        x -= eta / torch.sqrt(s + epsilon) * g


class AdaDelta(Scratch):
    """RMSProp whose learning rate is measured: the mean square of its own past steps (book 7.7; Zeiler 2012).

    The course has no learning rate: that is lr = 1; here as in torch it scales the step, and not what is remembered of
    it. Epsilon stands under both roots, in torch, too; only its usual value differs, 1e-5 in the course and 1e-6 there,
    and as the first steps are about sqrt(epsilon) long, that is seen.
    """

    averages = ("s", "dx")

    def __init__(self, params: ParamsT, *, lr: NonNegativeFloat, rho: Fraction, eps: PositiveFloat):
        super().__init__(params, lr=lr, rho=rho, eps=eps)

    def update(self, x: Tensor, g: Tensor, memory: Memory, group: Group) -> None:
        # s <- rho s + (1 - rho) g^2
        # g' <- sqrt((dx + epsilon) / (s + epsilon)) g
        # x <- x - g'
        # dx <- rho dx + (1 - rho) g'^2
        rho, epsilon, s, dx = group["rho"], group["eps"], memory["s"], memory["dx"]
        s.copy_(rho * s + (1 - rho) * g**2)
        own_step = torch.sqrt((dx + epsilon) / (s + epsilon)) * g
        x -= group["lr"] * own_step
        dx.copy_(rho * dx + (1 - rho) * own_step**2)


class Adam(Scratch):
    """Momentum and RMSProp together, both freed from their beginning at 0 (book 7.8; Kingma & Ba 2015).

    Epsilon is added to the root here, as in torch. UserError unless there are two betas.
    """

    averages = ("v", "s")

    def __init__(self, params: ParamsT, *, lr: NonNegativeFloat, betas: tuple[Fraction, Fraction], eps: PositiveFloat):
        super().__init__(params, lr=lr, betas=two(betas), eps=eps)

    def update(self, x: Tensor, g: Tensor, memory: Memory, group: Group) -> None:
        # v <- beta1 v + (1 - beta1) g          v^ = v / (1 - beta1^t)
        # s <- beta2 s + (1 - beta2) g^2        s^ = s / (1 - beta2^t)
        # x <- x - eta v^ / (sqrt(s^) + epsilon)
        eta, (beta1, beta2), epsilon = group["lr"], group["betas"], group["eps"]
        v, s, t = memory["v"], memory["s"], memory["t"]
        v.copy_(beta1 * v + (1 - beta1) * g)
        s.copy_(beta2 * s + (1 - beta2) * g**2)
        v_hat, s_hat = v / (1 - beta1**t), s / (1 - beta2**t)
        x -= eta * v_hat / (torch.sqrt(s_hat) + epsilon)


class AdamW(Adam):
    """Adam with weight decay apart from the gradient: no root divides it (Loshchilov & Hutter 2019)."""

    def __init__(
        self,
        params: ParamsT,
        *,
        lr: NonNegativeFloat,
        betas: tuple[Fraction, Fraction],
        eps: PositiveFloat,
        weight_decay: NonNegativeFloat,
    ):
        Scratch.__init__(self, params, lr=lr, betas=two(betas), eps=eps, weight_decay=weight_decay)

    def update(self, x: Tensor, g: Tensor, memory: Memory, group: Group) -> None:
        # x <- x - eta lambda x
        # then Adam's step
        x -= group["lr"] * group["weight_decay"] * x
        super().update(x, g, memory, group)


def two(betas: tuple[float, ...]) -> tuple[float, ...]:
    if len(betas) != 2:
        raise UserError(f"optim.betas={list(betas)}: Adam needs two. Type 'optim.betas=[0.9,0.999]'.")
    return betas
