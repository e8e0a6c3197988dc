"""A model's metrics: its weights from a checkpoint, one pass over a split, and a rehearsal of that before a run."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import nn

from dlrun.config import renamed
from dlrun.device import Device, rng_state, set_rng_state
from dlrun.errors import UserError
from dlrun.metric import Mean
from dlrun.task.base import Task

REHEARSED = 4  # examples a batch


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
    means = Mean(on_device=device.asynchronous)
    for number, batch in enumerate(task.batches(split, batch_size, seed=0, epoch=0)):
        if number == limit:
            break
        if stopped():
            return None
        with device.autocast():
            means.add(task.step(model, batch))
    return {f"{split}/{name}": value for name, value in task.report(means.means()).items()}


def goal_split(task: Task) -> str:
    """What the goal is measured on: without a held-out part the training part."""
    return "val" if "val" in task.splits else "train"


def rehearse(task: Task, model: nn.Module, device: Device, batch_size: int) -> None:
    """Two batches of each split that a run evaluates: what fails there is to fail before anything is trained.

    They are small, as two of a run's own would take a large network a minute on a CPU. No trace is left: the task, the
    model and the random state are then as they were.
    """
    batch_size = min(batch_size, REHEARSED)
    goal = f"{goal_split(task)}/{task.goal.split()[1]}"
    before, drawn, training = deepcopy(task.state_dict()), rng_state(), model.training
    try:
        for split in (goal_split(task), *({"test"} & set(task.splits))):
            metrics = evaluate(task, model, device, split, batch_size, limit=2) or {}
            if split == goal_split(task) and goal not in metrics:
                raise UserError(f"The goal is {task.goal}, and an evaluation only tells {', '.join(metrics)}.")
    finally:
        task.load_state_dict(before)
        set_rng_state(drawn)
        model.train(training)


def load_weights(model: nn.Module, state: dict[str, Any]) -> None:
    """UserError with torch's first complaint where a checkpoint is of another model."""
    try:
        ours = type(model).__module__.startswith("dlrun.")
        model.load_state_dict(renamed.renewed_weights(state["model"]) if ours else state["model"])
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        detail = lines[1].strip() if len(lines) > 1 else lines[0]
        raise UserError(f"The checkpoint is of another model than {type(model).__name__}: {detail}") from error
