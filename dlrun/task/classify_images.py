"""Classification of images (book 3.5), changed at random while training (book 9.1), and seen from several sides."""

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor, nn

from dlrun.data.base import Schema
from dlrun.errors import UserError
from dlrun.limits import Fraction, NonNegativeFloat, NonNegativeInt
from dlrun.nn.augment import covered, moved
from dlrun.pictures import decode
from dlrun.task.base import Example, Inputs, generator, in_column, read_each
from dlrun.task.classify import Batch, Classify, Goal, Metric, Weights
from dlrun.terminal.plain import amount


class ClassifyImages(Classify):
    """`random_shift`, `random_flip` and `random_erase` change images while training only; `tta_flip` and `tta_shift`
    are test-time augmentation: the mean of the logits over an image's mirror image and the places nearby."""

    kind = "image"

    def __init__(
        self,
        schema: Schema,
        *,
        goal: Goal,
        metrics: list[Metric],
        class_weights: Weights | None,
        label_smoothing: Fraction,
        auxiliary_weight: NonNegativeFloat,
        random_shift: NonNegativeInt,
        random_flip: bool,
        random_erase: NonNegativeInt,
        tta_flip: bool,
        tta_shift: NonNegativeInt,
    ):
        super().__init__(
            schema,
            goal=goal,
            metrics=metrics,
            class_weights=class_weights,
            label_smoothing=label_smoothing,
            auxiliary_weight=auxiliary_weight,
        )
        side = min(schema.sizes[name] for name in ("height", "width"))
        for option, pixels in {"random_shift": random_shift, "tta_shift": tta_shift}.items():
            if pixels >= side:
                raise UserError(
                    f"task.{option}={pixels} moves an image of {amount(side, 'pixel')} out of sight. "
                    f"Type less than {side}."
                )
        self.random_shift, self.random_flip, self.random_erase = random_shift, random_flip, random_erase
        self.tta_flip, self.tta_shift = tta_flip, tta_shift

    def scaled(self, x: Tensor) -> Tensor:
        """Without a scale a byte is a share of white."""
        if self.schema.x_scale is not None:
            return self.schema.x_scale.apply(x)
        return x.float() / 255 if x.dtype == torch.uint8 else x

    @property
    def black(self) -> Tensor:
        """() or (C, 1, 1), scaled: what comes in from the side of an image that is moved."""
        return self.scaled(torch.zeros((), dtype=torch.uint8)).to(self.device)

    def logits(self, model: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor:
        if not (self.tta_flip or self.tta_shift):
            return model(*inputs)
        (x,) = inputs
        steps, mirrors = range(-self.tta_shift, self.tta_shift + 1), (False, True) if self.tta_flip else (False,)
        answers = []
        for down, right, mirrored in product(steps, steps, mirrors):
            by, mirror = torch.tensor([[down, right]]), torch.tensor([mirrored])
            answers.append(model(moved(x, by.to(x.device), mirror.to(x.device), self.black)))
        return torch.stack(answers).mean(0)

    def augmented(self, batch: Batch) -> tuple[Tensor, ...]:
        """Drawn from the batch's place, so a resumed run has the same. Not in `batches`, as a pass over the training
        part may be an evaluation."""
        if not (self.random_shift or self.random_flip or self.random_erase):
            return batch.inputs
        (x,), draw = batch.inputs, generator(*batch.place, 2)
        count, _, height, width = x.shape
        by = torch.randint(-self.random_shift, self.random_shift + 1, (count, 2), generator=draw)
        mirrored = torch.rand(count, generator=draw) < (0.5 if self.random_flip else 0.0)
        x = moved(x, by.to(x.device), mirrored.to(x.device), self.black)
        if self.random_erase:
            middle = (torch.rand(count, 2, generator=draw) * torch.tensor([height, width])).long()
            x = covered(x, (middle - self.random_erase // 2).to(x.device), self.random_erase)
        return (x,)

    def read(self, examples: Sequence[Example]) -> Inputs:
        """Image files' paths; of a row that in the schema's column."""
        shape = (self.schema.sizes[name] for name in ("in_channels", "height", "width"))
        found, problems = read_each(examples, lambda example: read_image(in_column(example, self.schema), self.schema))
        images = torch.cat(found) if found else torch.empty(0, *shape, dtype=torch.uint8)
        return Inputs((self.scaled(images),), problems)


def read_image(path: str, schema: Schema) -> Tensor:
    """An image file -> (1, C, height, width) uint8, as the pictures of the training were. UserError for what is none.

    Fashion-MNIST's clothes are bright on black.
    """
    channels, height, width = (schema.sizes[name] for name in ("in_channels", "height", "width"))
    if channels not in (1, 3):
        raise UserError(f"It was trained on images of {channels} channels, and a picture's file has 1 or 3.")
    try:
        with decode.quietly():
            pixels = decode.pixels(decode.content(path), channels, height, width, schema.fit or "stretch")
    except FileNotFoundError as error:
        raise UserError(f"There is no file {path}. Type the path of an image.") from error
    except decode.TooLarge as error:
        raise UserError(f"{path} can't be read: {error}. Type a smaller one.") from error
    except decode.Unreadable as error:
        raise UserError(
            f"{path} is no image that can be read: {error}. Type the path of a PNG, JPEG or WebP file."
        ) from error
    return torch.from_numpy(pixels.copy()).unsqueeze(0)
