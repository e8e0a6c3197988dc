"""Going down on a function, step by step, and drawing the way (book 7.2 to 7.8)."""

from typing import Any

import torch
from PIL import Image
from torch import nn

from dlrun.data.base import Data, Schema
from dlrun.draw.contour import Frame, contour
from dlrun.errors import UserError
from dlrun.limits import PositiveFloat
from dlrun.task.base import Batches, StepOutput, Task

LARGEST = 1e30  # of a frame: float32 has room for its width


class Minimize(Task):
    """The loss is the function's value where the model stands; a pass is one step, since there is one function.

    A step that begins above `bound` counts as an infinite loss, which ends the run as diverged: a path that zigzags out
    of the bowl needs over a hundred steps to what float32 calls infinite.
    """

    goal = "min loss"

    def __init__(self, schema: Schema, *, bound: PositiveFloat | None, frame: list[float]):
        super().__init__(schema)
        if schema.inputs != "function":
            raise UserError("task=minimize needs a function to go down on; pick data=quadratic.")
        if len(frame) != 4 or frame[0] >= frame[1] or frame[2] >= frame[3]:
            raise UserError(f"task.frame={frame} is no [left,right,bottom,top].")
        if max(map(abs, frame)) > LARGEST:
            raise UserError(f"task.frame={frame}: a picture's numbers go to {LARGEST:g} at most.")
        self.bound = float("inf") if bound is None else bound
        self.frame: Frame = (frame[0], frame[1], frame[2], frame[3])
        self.path: list[list[float]] = []  # every place where the point has been, the start first

    def attach(self, data: Data) -> None:
        super().attach(data)
        assert data.objective is not None  # `inputs` says so
        self.objective = data.objective

    def batches(self, split: str, batch_size: int, *, seed: int, epoch: int, start: int = 0) -> Batches:
        return Batches(lambda index: None, 1, start)

    def step(self, model: nn.Module, batch: None) -> StepOutput:
        x = model()
        loss = self.objective(x)
        if model.training and not self.path and loss > self.bound:
            raise UserError(f"The function starts at {loss:.4g}, above task.bound. Type task.bound=null to let it.")
        place = x.tolist()
        if not self.path or self.path[-1] != place:  # the evaluation after a step is at the place where the next begins
            self.path.append(place)
        if model.training and loss > self.bound:
            loss = loss * torch.inf
        return StepOutput(loss, {f"x{number}": each.detach() for number, each in enumerate(x, 1)}, 1)

    def state_dict(self) -> dict[str, object]:
        return {"path": torch.tensor(self.path)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.path = state["path"].tolist()

    def pictures(self, model: nn.Module, title: str) -> dict[str, Image.Image]:
        """The way over the function's contour lines."""
        if not self.path:
            return {}
        moves, ends = len(self.path) - 1, (place_text(self.path[0]), place_text(self.path[-1]))
        way = f"{moves} {'step' if moves == 1 else 'steps'} from {ends[0]} to {ends[1]}"
        return {"path": contour(self.objective, torch.tensor(self.path), self.frame, title=title, subtitle=way)}


def place_text(place: list[float]) -> str:
    return f"({', '.join(f'{each:.3g}' for each in place)})"
