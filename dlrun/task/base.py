"""What every task has in common. The trainer knows tasks by these names alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from dlrun.data.base import Data, Schema, Split
from dlrun.errors import UserError, nearest

if TYPE_CHECKING:
    from PIL.Image import Image


class StepOutput(NamedTuple):
    """What one step answers."""

    loss: Tensor  # () mean over n, in nats where it is a likelihood
    values: dict[str, Tensor]  # name -> per-example values or their sum; stays on the device
    n: int  # examples (or tokens, or pairs) that the mean is over
    answers: tuple[Tensor, Tensor] | None = None  # (B, ...) a model's and the right ones, for metrics of a whole part


class Batches:
    """The batches of one pass over a split: how many there are, and an iterator that makes them one by one."""

    def __init__(
        self,
        make: Callable[[int], object],
        count: int,
        start: int = 0,
        prefetch: Callable[[int], None] = lambda index: None,
    ):
        self.make, self.count, self.start, self.prefetch = make, count, start, prefetch

    def __len__(self) -> int:
        """Batches in the whole pass, those before `start` counted in."""
        return self.count

    def __iter__(self) -> Iterator[Any]:
        for index in range(self.start, self.count):
            if index == self.start:
                self.prefetch(index)
            batch = self.make(index)
            if index + 1 < self.count:  # the disk is at it while the model is at this one
                self.prefetch(index + 1)
            yield batch


def generator(*numbers: int) -> torch.Generator:
    """A generator of its own for (seed, epoch, ...), so that any batch can be made again without those before it."""
    mixed = 0
    for number in numbers:  # a 64-bit mix (Knuth's multiplier): neighbouring seeds and epochs must not share a stream
        mixed = ((mixed ^ (number & 0xFFFFFFFF)) * 6364136223846793005 + 1442695040888963407) % 2**63
    return torch.Generator().manual_seed(mixed)


class Task:
    """What we ask of the data.

    A subclass sets `goal`, such as "max accuracy" (it picks best.pt, orders runs), and `sizes`: what it offers a model.
    The schema is enough to answer; `attach` brings the splits, to train and to evaluate.
    One that answers has the methods of `Predictor` or `Generator`.
    """

    goal: str
    sizes: dict[str, object]  # numbers, all but a vocabulary's spelling
    note: str = ""  # one line for the user, once there is data
    baseline_answer: ClassVar[str] = ""  # what the baseline says to everything, in words

    def __init__(self, schema: Schema):
        self.schema, self.sizes = schema, {**schema.sizes}
        self.splits: dict[str, Split] = {}
        self.device = torch.device("cpu")

    def size(self, name: str) -> int:
        """One of the sizes that it offers a model."""
        size = self.sizes[name]
        assert isinstance(size, int)
        return size

    def attach(self, data: Data) -> None:
        parts = {"train": data.train, "val": data.val, "test": data.test}
        self.splits = {name: split for name, split in parts.items() if split is not None}

    def to(self, device: torch.device) -> None:
        """Moves the tensors to where the model is: they fit there, and batches are then made without copies."""
        self.device = device
        self.splits = {name: split.to(device) for name, split in self.splits.items()}

    def batches(self, split: str, batch_size: int, *, seed: int, epoch: int, start: int = 0) -> Batches:
        """One pass over a split. Batch i depends on (seed, epoch, i) alone: `start` goes on in mid-epoch at no cost."""
        raise NotImplementedError

    def step(self, model: nn.Module, batch: Any) -> StepOutput:
        """Loss and metrics on one batch; the same for training and evaluation. A task knows its own batches."""
        raise NotImplementedError

    def report(self, means: dict[str, float]) -> dict[str, float]:
        """What is shown of the means over many steps, such as perplexity = exp(loss)."""
        return means

    def score(self, answers: Tensor, y: Tensor) -> dict[str, float]:
        """Metrics that are no means, of the `StepOutput.answers` of a whole part, float32 on the CPU."""
        return {}

    def baseline(self, split: str) -> dict[str, float]:
        """Metrics of an answer that looks at no input, only at the training part: a model should do better.

        {} where there is none. NaN tells that a split is too small for a metric.
        """
        return {}

    def state_dict(self) -> dict[str, object]:
        """What travels from one training batch to the next; goes into the checkpoint."""
        return {}

    def load_state_dict(self, state: dict[str, object]) -> None:
        pass

    def order(self, split: str, *, seed: int, epoch: int) -> Tensor:
        """(N,) the order of the examples: shuffled for training, as they stand for evaluation."""
        count = len(self.splits[split])
        if split != "train":
            return torch.arange(count, device=self.device)
        return torch.randperm(count, generator=generator(seed, epoch)).to(self.device)

    def capacity(self) -> int:
        """The largest batch that the training part can fill."""
        return len(self.splits["train"])

    def shown_sample(self, model: nn.Module, seed: int) -> tuple[str, str] | None:
        """A prompt and the text that goes on from it, to show how far a model has come; for tasks that can write."""
        return None

    def pictures(self, model: nn.Module, title: str) -> dict[str, Image]:
        """Tag -> a picture of how the run went, made when it has ended, however it ended; kept in its folder."""
        return {}


Example = str | Mapping[str, object]  # what was typed, a picture's path, or a row: column -> value
Answer = list[tuple[str, float]]  # labels and their probabilities, the likeliest first; or names of values


@runtime_checkable
class Predictor(Protocol):
    """A task that answers examples that were typed, or stand in a file."""

    def predict(self, model: nn.Module, examples: Sequence[Example]) -> list[Answer | UserError]:
        """In order; for an example that can't be read why. The model is in eval mode."""


class Inputs(NamedTuple):
    """What a model is given of the examples that can be read, and why the others can't: place -> a sentence."""

    tensors: tuple[Tensor, ...]
    problems: dict[int, str]


def read_each(examples: Sequence[Example], read: Callable[[Example], Tensor]) -> tuple[list[Tensor], dict[int, str]]:
    """Each example by itself; a UserError is why one can't be read."""
    found: list[Tensor] = []
    problems: dict[int, str] = {}
    for place, example in enumerate(examples):
        try:
            found.append(read(example))
        except UserError as error:
            problems[place] = str(error)
    return found, problems


def in_column(example: Example, schema: Schema) -> str:
    """The text of an example, or its picture's file: what was typed, or stands in the column that was trained on."""
    if isinstance(example, str):
        return example
    name = schema.column or (next(iter(example)) if len(example) == 1 else None)
    if name is None:
        raise UserError(f"Which column is it? Give one alone. There are: {', '.join(example)}.")
    if (value := example.get(name)) is None:
        raise UserError(f"There is no {name}." if name in example else f"There is no {name}. {nearest(name, example)}")
    return str(value)


def in_place(count: int, answers: Sequence[Answer], problems: Mapping[int, str]) -> list[Answer | UserError]:
    """Answers of those that could be read, and what is wrong with the others, in the order of all."""
    rest = iter(answers)
    return [UserError(problems[place]) if place in problems else next(rest) for place in range(count)]


@runtime_checkable
class Generator(Protocol):
    """A task that writes text."""

    def sample(
        self, model: nn.Module, prompt: str, *, length: int, temperature: float, top_k: int | None, seed: int
    ) -> str:
        """`prompt` and `length` tokens behind it."""
