"""Fine-tuning: a new run starts from another one's weights, as many as fit its model by name and shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dlrun.config import renamed
from dlrun.config.settings import Settings
from dlrun.data.base import Schema
from dlrun.errors import UserError
from dlrun.run import checkpoint
from dlrun.run.folder import best_checkpoint
from dlrun.run.trainer import Trainer
from dlrun.terminal.plain import amount

MOST, LONGEST = 4, 100  # names in a message, and characters of each
PLAIN = (torch.strided, "cpu", False)


@dataclass(frozen=True)
class Source:
    """A checkpoint's weights. `where`: the run or the file, as config.yaml is to name it; `schema` of its data, or None
    where an older dlrun kept none."""

    where: Path
    weights: dict[str, Tensor]
    schema: Schema | None

    @classmethod
    def open(cls, name: str) -> Source:
        """A run, whose best checkpoint counts, `last`, or a checkpoint's file."""
        if not name:
            raise UserError("trainer.init_from is empty. Type a run, `last`, or a checkpoint such as best.pt.")
        folder, file = best_checkpoint(name)
        where = folder if "/" in file else folder / file
        state = checkpoint.read(folder, file)
        schema = Schema.from_state_dict(state["schema"], str(where)) if "schema" in state else None
        found = state["model"]
        assert isinstance(found, dict)  # checkpoint.read has looked
        weights = {str(key): each for key, each in found.items() if is_plain(each)}
        return cls(where, weights, schema)

    def into(self, model: nn.Module, schema: Schema) -> str:
        """Writes what fits into a model -> what did and what did not, in one line. UserError where nothing does.

        Called when the model's own weights have been drawn, so that those which stay are as in any run of its seed.
        """
        ours = {name: each for name, each in model.state_dict().items() if isinstance(each, Tensor)}
        is_own = type(model).__module__.startswith("dlrun.")
        theirs: dict[str, object] = dict(self.weights)
        theirs = renamed.renewed_weights(theirs) if is_own else theirs
        fitting = [name for name, each in ours.items() if fits(each, theirs.get(name))]
        differs = other_vocabulary(self.schema, schema)
        if not any(name for name in fitting if ours[name].dim()):  # a count of batches is no weight
            raise UserError(
                f"Nothing of {self.where} fits {type(model).__name__}{differs}. It has {listed(theirs)}; "
                f"{type(model).__name__} has {listed(ours)}."
            )
        trained = {name for name, _ in model.named_parameters()}
        with torch.no_grad():
            for name in fitting:
                given = theirs[name]
                assert isinstance(given, Tensor)
                ours[name].copy_(given)
                if name in trained and not ours[name].isfinite().all():  # a buffer may well hold an infinity
                    raise UserError(f"{self.where} can't be started from: {name} holds values that are no numbers.")
        rest = {name: each for name, each in ours.items() if name not in fitting}
        unused = {name: each for name, each in theirs.items() if name not in ours}
        said = f"{len(fitting)} of {amount(len(ours), 'weight')} taken from {self.where}{differs}"
        said += f"; drawn anew: {listed(rest, theirs)}" if rest else ""
        return said + (f"; not used: {listed(unused)}" if unused else "")


def keep_first(trainer: Trainer, settings: Settings) -> None:
    """A checkpoint before the first step, so that a run that is killed at once need not ask the other one again."""
    if settings.init_from:
        trainer.run.save_checkpoint("last", trainer.state_dict())


def is_plain(weight: object) -> bool:
    """Not sparse, quantized or without values: somebody's own checkpoint may hold anything."""
    return isinstance(weight, Tensor) and (weight.layout, weight.device.type, weight.is_quantized) == PLAIN


def fits(ours: Tensor, theirs: object) -> bool:
    return (
        isinstance(theirs, Tensor)
        and ours.shape == theirs.shape
        and ours.is_floating_point() == theirs.is_floating_point()
    )


def listed(weights: Mapping[str, object], others: Mapping[str, object] | None = None) -> str:
    """`embedding.weight (41, 16)`; with `others`, `embedding.weight (41, 16), there (80, 16)`."""
    parts = []
    for name, each in list(weights.items())[:MOST]:
        other = (others or {}).get(name)
        there = f", there {shape(other)}" if isinstance(other, Tensor) and isinstance(each, Tensor) else ""
        parts.append(f"{name[:LONGEST]} {shape(each)}{there}")
    more = len(weights) - MOST
    return ", ".join(parts) + (f" and {more} more" if more > 0 else "") or "none"


def shape(weight: object) -> str:
    """With its type where a weight has another one than real numbers."""
    if not isinstance(weight, Tensor):
        return ""
    kind = "" if weight.is_floating_point() else f" {str(weight.dtype).removeprefix('torch.')}"
    return f"({', '.join(map(str, weight.shape))}){kind}"


def other_vocabulary(theirs: Schema | None, ours: Schema) -> str:
    """Told where both have words and they are not the same: a table of words is then of other words."""
    if theirs is None or theirs.vocab is None or ours.vocab is None or theirs.vocab.tokens == ours.vocab.tokens:
        return ""
    sizes = f"{len(theirs.vocab):,} tokens there, {len(ours.vocab):,} here"
    return f", whose vocabulary differs ({sizes})"
