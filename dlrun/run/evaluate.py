"""A model's metrics: its weights from a checkpoint, one pass over a split, and a rehearsal of that before a run."""

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from dlrun import memory
from dlrun.config import renamed
from dlrun.device import Device, rng_state, set_rng_state
from dlrun.errors import UserError
from dlrun.metric import Mean
from dlrun.task.base import Task

REHEARSED = 4  # examples a batch
NEEDS = {"auc": "examples of at least two classes", "r2": "at least two examples"}  # otherwise they are NaN
AT_ONCE = 24  # bytes of memory that each number kept takes at most, while a metric is measured


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
    means, kept = Mean(on_device=device.asynchronous), Answers(task, split)
    for number, batch in enumerate(task.batches(split, batch_size, seed=0, epoch=0)):
        if number == limit:
            break
        if stopped():
            return None
        with device.autocast():
            scores = task.step(model, batch)
            means.add(scores)
        if scores.answers is not None:
            kept.add(*scores.answers)
    return tagged(split, task.report(means.means()) | kept.score())


class Answers:
    """All that a model answers in a pass, for metrics that are no means over batches: f1, auc, r2.

    UserError where so many would not fit into memory.
    """

    def __init__(self, task: Task, split: str):
        self.task, self.split = task, split
        self.answers: list[Tensor] = []
        self.y: list[Tensor] = []

    def add(self, answers: Tensor, y: Tensor) -> None:
        """(B, ...) twice."""
        if not self.answers:
            examples, each = len(self.task.splits[self.split]), answers[0].numel()
            asked = f"{examples:,} × {each:,} numbers, which a metric of task.goal or task.metrics asks for,"
            memory.ask_for(examples * each * AT_ONCE, f"All answers of {self.split} at once, {asked}")
        self.answers.append(answers.float().cpu())
        self.y.append(y.cpu())

    def score(self) -> dict[str, float]:
        return self.task.score(torch.cat(self.answers), torch.cat(self.y)) if self.answers else {}


def tagged(split: str, metrics: dict[str, float]) -> dict[str, float]:
    return {f"{split}/{name}": value for name, value in metrics.items()}


def baseline(task: Task) -> dict[str, float]:
    """Tags and values of the task's baseline on the part that the goal is measured on; {} where there is none."""
    return tagged(goal_split(task), task.baseline(goal_split(task)))


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
    refuse_untold(task, goal)
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


def refuse_untold(task: Task, goal: str) -> None:
    """UserError for a goal that has no value on its part, whatever a model answers: auc where all are of one class."""
    if math.isnan(baseline(task).get(goal, 0.0)):
        split, metric = goal.split("/")
        needs = NEEDS.get(metric, "more examples")
        raise UserError(
            f"{goal} can't be told: {metric} needs {needs}, and {split} has not. "
            "Type another task.goal=…, or hold out a larger part."
        )


def load_weights(model: nn.Module, state: dict[str, Any]) -> None:
    """UserError with torch's first complaint where a checkpoint is of another model."""
    try:
        ours = type(model).__module__.startswith("dlrun.")
        model.load_state_dict(renamed.renewed_weights(state["model"]) if ours else state["model"])
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        detail = lines[1].strip() if len(lines) > 1 else lines[0]
        raise UserError(f"The checkpoint is of another model than {type(model).__name__}: {detail}") from error
