"""No optimizer: for models that are counted rather than learned, and to see what first weights are worth."""

from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT


class Nothing(Optimizer):
    """Leaves every weight as it is; takes models without any, which torch's optimizers refuse."""

    def __init__(self, params: ParamsT):
        super().__init__([{"params": list(params)}], {"lr": 0.0})

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]  # torch overloads it
        """What the closure says, if one is given."""
        return closure() if closure else None
