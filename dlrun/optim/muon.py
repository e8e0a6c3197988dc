"""Muon: momentum made orthogonal (Jordan 2024, kellerjordan.github.io/posts/muon), here with one lr for all weights
(Liu 2025, arXiv 2502.16982)."""

from torch import Tensor, nn

from dlrun.limits import Fraction, NonNegativeFloat, PositiveFloat
from dlrun.optim.scratch import AdamW, Group, Memory

ROUNDS = 5
QUINTIC = (3.4445, -4.7750, 2.0315)  # Jordan's: steep at 0, so that five rounds do; they end near 1, not at it
ADAMS = 0.2  # root mean square of a step of Adam's, in units of eta (Liu 2025, section 2.2)


class Muon(AdamW):
    """A matrix moves along U V^T, where its momentum is U S V^T: as far in the rare directions as in the common ones.

    That is for weights of two dimensions and more; a bank of filters (C, C', k, k) is a matrix of C rows. Biases, norms
    and tables of words, of which a batch touches few rows, take AdamW's step. A matrix's step is as long as AdamW's
    would be, so both go with one lr. It costs fifteen products of matrices: nothing beside a convolution, much for wide
    layers and small batches.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        lr: NonNegativeFloat,
        momentum: Fraction,
        betas: tuple[Fraction, Fraction],
        eps: PositiveFloat,
        weight_decay: NonNegativeFloat,
    ):
        tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding | nn.EmbeddingBag)}
        groups: dict[bool, list[Tensor]] = {True: [], False: []}
        for x in model.parameters():
            groups[x.dim() >= 2 and id(x) not in tables].append(x)
        super().__init__(
            [{"params": weights, "matrices": matrices} for matrices, weights in groups.items() if weights],
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
        )
        for group in self.param_groups:
            group["momentum"] = momentum

    def update(self, x: Tensor, g: Tensor, memory: Memory, group: Group) -> None:
        # x <- x - eta lambda x
        # v <- mu v + (1 - mu) g
        # x <- x - eta 0.2 sqrt(max(rows, columns)) orthogonal(mu v + (1 - mu) g)
        if not group["matrices"]:
            super().update(x, g, memory, group)
            return
        memory.pop("s", None)  # AdamW's squares
        eta, mu, v = group["lr"], group["momentum"], memory["v"]
        x -= eta * group["weight_decay"] * x
        v.lerp_(g, 1 - mu)
        ahead = g.lerp(v, mu).reshape(len(x), -1)
        x -= eta * ADAMS * max(ahead.shape) ** 0.5 * orthogonal(ahead).reshape(x.shape)


def orthogonal(matrix: Tensor) -> Tensor:
    """(R, C) U S V^T -> about U V^T, by rounds of X <- a X + b (X X^T) X + c (X X^T)^2 X: no decomposition is needed.

    Singular values come out between 0.68 and 1.13, which trains as well as 1 does (Jordan 2024); 0 stays 0.
    """
    a, b, c = QUINTIC
    X = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix  # the smaller X X^T
    X = X / (X.norm() + 1e-7)
    for _ in range(ROUNDS):
        A = X @ X.T
        X = a * X + (b * A + c * A @ A) @ X
    return X.T if matrix.shape[0] > matrix.shape[1] else X
