"""Classification of images, texts and tables, by cross entropy (book 3.4, 10.7)."""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from dlrun.data.base import Data
from dlrun.data.schema import Schema
from dlrun.errors import UserError
from dlrun.limits import Amount, NonNegative, Positive, Share
from dlrun.metric import accuracy
from dlrun.model.base import Output
from dlrun.task.augment import covered, moved
from dlrun.task.base import Batches, Scores, Task, generator
from dlrun.task.regress import numbers_in

CHUNK = 50  # batches that are sorted by length together: more means less padding, and less chance in who meets whom


class Batch(NamedTuple):
    inputs: tuple[Tensor, ...]  # images and tables: (B, ...) scaled; texts: (B, T) ids and (B,) lengths
    y: Tensor  # (B,) classes
    place: tuple[int, ...]  # (seed, epoch, number in the pass): what is drawn for this batch comes from it alone


class Classify(Task):
    """The loss in nats. What makes training harder is there while training only, so that losses can be compared:
    `label_smoothing`, the losses of side heads, and images changed at random by `shift`, `flip` and `erase`.

    Texts are cut to `max_len` tokens and meet others of about their length: training sorts them by length within chunks
    of 50 batches and shuffles the batches, evaluation sorts them all. That costs a little chance and saves the
    padding, which on imdb would be half of all tokens.
    """

    goal = "max accuracy"

    def __init__(
        self,
        schema: Schema,
        *,
        label_smoothing: Share,
        max_len: Positive | None,
        auxiliary_weight: Amount,
        shift: NonNegative,
        flip: bool,
        erase: NonNegative,
        test_flip: bool,
        test_shift: NonNegative,
    ):
        super().__init__(schema)
        if schema.targets != "class":
            raise UserError("task=classify needs examples with a class each; pick data=fashion_mnist or imdb.")
        if (shift or flip or erase or test_flip or test_shift) and schema.inputs != "image":
            raise UserError(
                "task.shift, flip, erase, test_flip and test_shift change images. "
                "Type task.shift=0 task.flip=false task.erase=0 task.test_flip=false task.test_shift=0."
            )
        side = min(schema.sizes[name] for name in ("height", "width")) if schema.inputs == "image" else 0
        for option, pixels in {"shift": shift, "test_shift": test_shift}.items():
            if pixels >= side > 0:
                raise UserError(
                    f"task.{option}={pixels} moves an image of {side} pixels out of sight. Type less than {side}."
                )
        self.label_smoothing, self.max_len, self.auxiliary_weight = label_smoothing, max_len, auxiliary_weight
        self.shift, self.flip, self.erase = shift, flip, erase
        self.test_flip, self.test_shift = test_flip, test_shift

    def attach(self, data: Data) -> None:
        super().attach(data)
        self.lengths = {
            name: (split.offsets[1:] - split.offsets[:-1]).cpu().clamp(min=0, max=self.max_len)
            for name, split in self.splits.items()
            if split.offsets is not None
        }

    def batches(self, split: str, batch_size: int, *, seed: int, epoch: int, start: int = 0) -> Batches:
        part, order = self.splits[split], self.order(split, seed=seed, epoch=epoch).cpu()
        count = -(-len(order) // batch_size)
        turn = torch.arange(count)
        if part.offsets is not None:
            shuffled = split == "train"
            order = by_length(order, self.lengths[split], batch_size * CHUNK if shuffled else len(order))
            turn = torch.randperm(count, generator=generator(seed, epoch, 1)) if shuffled else turn
        assert part.y is not None
        y = part.y

        def make(index: int) -> Batch:
            begin = int(turn[index]) * batch_size
            chosen = order[begin : begin + batch_size]
            inputs = (
                (self.scaled(part.x[chosen.to(self.device)]),) if part.offsets is None else self.padded(split, chosen)
            )
            return Batch(inputs, y[chosen.to(self.device)], (seed, epoch, index))

        return Batches(make, count, start)

    def padded(self, split: str, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """(B,) numbers of texts -> (B, T) ids, 0 behind each text's end, and (B,) lengths, at least 1."""
        part = self.splits[split]
        assert part.offsets is not None
        lengths = self.lengths[split][chosen]
        longest = max(int(lengths.max()), 1)  # known on the CPU: the device need not be waited for
        lengths, begins = lengths.to(self.device), part.offsets[chosen.to(self.device)]
        place = torch.arange(longest, device=self.device)
        where = (begins.unsqueeze(1) + place).clamp(max=len(part.x) - 1)
        ids = part.x[where].long().masked_fill(place >= lengths.unsqueeze(1), 0)
        return ids, lengths.clamp(min=1)

    def scaled(self, x: Tensor) -> Tensor:
        if self.schema.x_scale is not None:
            return self.schema.x_scale.apply(x)
        return x.float() / 255 if x.dtype == torch.uint8 else x

    @property
    def black(self) -> Tensor:
        """() or (C, 1, 1), scaled: what comes in from the side of an image that is moved."""
        return self.scaled(torch.zeros((), dtype=torch.uint8)).to(self.device)

    def step(self, model: nn.Module, batch: Any) -> Scores:
        """A model answers logits; while it trains it may answer an `Output`, whose side heads each add a loss."""
        answer = model(*self.changed(batch)) if model.training else self.logits(model, batch.inputs)
        logits, sides = (answer.logits, answer.auxiliary) if isinstance(answer, Output) else (answer, ())
        smoothing = self.label_smoothing if model.training else 0.0
        loss = cross_entropy(logits, batch.y, label_smoothing=smoothing)
        for side in sides:
            loss = loss + self.auxiliary_weight * cross_entropy(side, batch.y, label_smoothing=smoothing)
        return Scores(loss, {"accuracy": accuracy(logits, batch.y)}, len(batch.y))

    def logits(self, model: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
        """(B, classes) of a model in eval mode; with `test_flip` and `test_shift` the mean over each image, mirrored or
        not, at each of the places up to so many pixels away."""
        if not (self.test_flip or self.test_shift):
            return model(*inputs)
        (x,) = inputs
        steps, mirrors = range(-self.test_shift, self.test_shift + 1), (False, True) if self.test_flip else (False,)
        answers = []
        for down, right, mirrored in product(steps, steps, mirrors):
            by, mirror = torch.tensor([[down, right]]), torch.tensor([mirrored])
            answers.append(model(moved(x, by.to(x.device), mirror.to(x.device), self.black)))
        return torch.stack(answers).mean(0)

    def changed(self, batch: Batch) -> tuple[Tensor, ...]:
        """The inputs with their images moved, mirrored, covered; drawn from the batch's place, so a resumed run has the
        same. In `step` and not in `batches`, as a pass over the training part may be an evaluation."""
        if not (self.shift or self.flip or self.erase):
            return batch.inputs
        (x,), draw = batch.inputs, generator(*batch.place, 2)
        count, _, height, width = x.shape
        by = torch.randint(-self.shift, self.shift + 1, (count, 2), generator=draw)
        mirrored = torch.rand(count, generator=draw) < (0.5 if self.flip else 0.0)
        x = moved(x, by.to(x.device), mirrored.to(x.device), self.black)
        if self.erase:
            middle = (torch.rand(count, 2, generator=draw) * torch.tensor([height, width])).long()
            x = covered(x, (middle - self.erase // 2).to(x.device), self.erase)
        return (x,)

    # answers

    @torch.no_grad()
    def predict(self, model: nn.Module, text: str) -> list[tuple[str, float]]:
        """A sentence, an image file's path or a row of numbers -> every label and its probability, likeliest first.

        The model is to be in eval mode. UserError for an input that is none of what the data is made of.
        """
        logits = self.logits(model, tuple(part.to(self.device) for part in self.inputs(text)))
        labels = self.schema.labels or [str(number) for number in range(self.sizes["outputs"])]
        answers = zip(labels, logits[0].float().softmax(0).tolist(), strict=True)
        return sorted(answers, key=lambda answer: -answer[1])

    def inputs(self, text: str) -> tuple[Tensor, ...]:
        if self.schema.inputs == "text":
            return self.sentence(text)
        if self.schema.inputs == "image":
            shape = (self.sizes[name] for name in ("in_channels", "height", "width"))
            return (self.scaled(read_image(text, *shape)),)
        return (self.scaled(torch.tensor([numbers_in(text, self.sizes["in_features"])])),)

    def sentence(self, text: str) -> tuple[Tensor, Tensor]:
        vocab = self.schema.vocab
        assert vocab is not None
        words = vocab.split(text)[: self.max_len]
        if not words:
            raise UserError("The text is empty. Type a sentence in quotes.")
        try:
            ids = vocab.encode(words)
        except KeyError as error:
            raise UserError(f"{error.args[0]} is not in the vocabulary of {len(vocab):,}.") from error
        return torch.tensor([ids]), torch.tensor([len(ids)])


def by_length(order: Tensor, lengths: Tensor, chunk: int) -> Tensor:
    """(N,) an order -> the same, but sorted by length within each chunk; equally long ones stay as they were."""
    chunks = torch.arange(len(order)) // max(chunk, 1)
    key = chunks * (int(lengths.max()) + 1) + lengths[order]
    return order[key.sort(stable=True).indices]


def read_image(path: str, channels: int, height: int, width: int) -> Tensor:
    """An image file -> (1, C, height, width) uint8, grey if C is 1. Fashion-MNIST's clothes are bright on black."""
    try:
        with Image.open(path) as image:
            pixels = image.convert("L" if channels == 1 else "RGB").resize((width, height))
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path}. Type the path of an image.") from error
    except Image.DecompressionBombError as error:
        raise UserError(f"{path} has too many pixels to be read. Type a smaller one.") from error
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(f"{path} is no image that can be read. Type the path of a PNG or JPEG file.") from error
    return torch.from_numpy(np.array(pixels)).view(1, height, width, -1).permute(0, 3, 1, 2)
