"""A trained model's metrics: its weights from a checkpoint, one pass over a split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from dlrun.device import Device
from dlrun.errors import UserError
from dlrun.metric import Mean
from dlrun.task.base import Task


@torch.no_grad()
def evaluate(
    task: Task,
    model: nn.Module,
    device: Device,
    split: str,
    batch_size: int,
    *,
    limit: int | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[str, float] | None:
    """One pass over a split -> tags and values, such as {"val/loss": 0.31}; None when `stopped()` cut it short."""
    model.eval()
    means = Mean()
    for number, batch in enumerate(task.batches(split, batch_size, seed=0, epoch=0)):
        if number == limit:
            break
        if stopped():
            return None
        with device.autocast():
            means.add(task.step(model, batch))
    return {f"{split}/{name}": value for name, value in task.report(means.means()).items()}


def load_weights(model: nn.Module, state: dict[str, Any]) -> None:
    """UserError with torch's first complaint where a checkpoint is of another model."""
    try:
        model.load_state_dict(state["model"])
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        detail = lines[1].strip() if len(lines) > 1 else lines[0]
        raise UserError(f"The checkpoint is of another model than {type(model).__name__}: {detail}") from error
