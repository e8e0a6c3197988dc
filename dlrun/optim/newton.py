"""Gradient descent with the Hessian as preconditioner: Newton's method (book 7.1, 7.3)."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT

from dlrun.limits import NonNegativeFloat
from dlrun.optim.scratch import Group, Memory, Scratch


class Newton(Scratch):
    """On a quadratic bowl one step of lr 1 is the whole way, whatever the bowl's shape.

    Where the Hessian has a negative direction it climbs there: it looks for a point without slope, not for a minimum.
    A direction without curvature is left alone. The Hessian of n weights has n x n numbers: this is for a few weights,
    and needs the objective itself, since a gradient does not tell how it changes.
    """

    def __init__(self, params: ParamsT, objective: Callable[[Tensor], Tensor], *, lr: NonNegativeFloat):
        super().__init__(params, lr=lr)
        self.objective = objective

    def update(self, x: Tensor, g: Tensor, memory: Memory, group: Group) -> None:
        # H <- second derivatives of f at x
        # x <- x - eta H^-1 g
        with torch.enable_grad():
            H = torch.autograd.functional.hessian(self.objective, x.detach().clone())
        x -= group["lr"] * torch.linalg.pinv(H, hermitian=True) @ g
