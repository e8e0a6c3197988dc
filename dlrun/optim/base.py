"""What an optimizer may be asked for beside steps."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol, runtime_checkable

from torch.optim import Optimizer


@runtime_checkable
class AveragedWeights(Protocol):
    """An optimizer with other weights to be judged by than those it trains."""

    def averaged(self) -> AbstractContextManager[None]:
        """Within it the model has those weights; evaluation and best.pt happen there."""


@runtime_checkable
class EvaluationAware(Protocol):
    """An optimizer that changes its ways by what evaluations say."""

    def after_evaluation(self, value: float) -> None:
        """`value`: of the goal."""


def judged(optim: Optimizer) -> AbstractContextManager[None]:
    """The weights that an evaluation looks at."""
    return optim.averaged() if isinstance(optim, AveragedWeights) else nullcontext()
