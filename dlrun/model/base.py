"""What a model may answer beside logits, and what it may be asked for beside answers."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from torch import Tensor

Batch = TypeVar("Batch", contravariant=True)
State = None | Tensor | tuple["State", ...]  # of a language model: what the text goes on from


class Output(NamedTuple):
    """A model's answer where it is more than logits: a language model's always, a classifier's while it trains."""

    logits: Tensor
    state: State = None
    penalty: Tensor | None = None  # () adds to the loss while it trains, not to the loss that is shown
    auxiliary: tuple[Tensor, ...] = ()  # logits of side heads, each of which adds a loss while it trains


@runtime_checkable
class Counted(Protocol[Batch]):
    """A model that is shown the whole training part once, before its first step. Without weights that is all."""

    def count(self, batches: Iterable[Batch]) -> None:
        """Batches as its task makes them."""
