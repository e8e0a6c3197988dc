"""Arrays of the user's own, .npz, .npy, .pt or .safetensors: a table (N, F), or images (N, H, W) or (N, C, H, W)."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dlrun import memory
from dlrun.data.base import Data, Overview, Scale, Schema, Split, held_out, shuffled, stratified
from dlrun.data.images import moments
from dlrun.data.table import said_twice
from dlrun.errors import UserError
from dlrun.files import own
from dlrun.limits import Fraction
from dlrun.tabular import arrays as reading
from dlrun.tabular.array_files import shaped
from dlrun.tabular.arrays import Pair
from dlrun.tabular.columns import in_order

MOST_CLASSES = 1000
PARTS = ("train", "val", "test")
CHANNELS = (1, 3, 4)  # of pictures, by which their place is told


class Target(NamedTuple):
    """What is predicted: (N,) classes and their names, or (N, K) numbers."""

    y: Tensor
    labels: tuple[str, ...] | None


def load(
    *,
    path: str | None,
    target_path: str | None,
    x: str | None,
    y: str | None,
    task: str,
    val: Fraction,
    test: Fraction,
    val_path: str | None,
    test_path: str | None,
    seed: int,
) -> Data:
    """x (N, F) float32, or images (N, C, H, W): uint8 where they have one or three channels, else float32.

    Images are read as a table where `task` is one for tables. UserError for what can't be read, or holds no numbers.
    """
    files = {"data.path": path, "data.target_path": target_path, "data.val_path": val_path, "data.test_path": test_path}
    parts = parts_of(files, x, y)
    examples, origin = together(parts)
    found = target_of([pair.y.read() for pair in parts.values()], list(parts.values()), task)
    is_image = examples.ndim >= 3 and task not in ("classify", "regress")
    if is_image and found.labels is None:
        raise UserError(
            f"{parts[0].x.where} is {shaped(parts[0].x.shape)}: images are classified. Or type task=regress"
        )
    pixels, told = as_images(examples) if is_image else (as_table(examples, parts[0]), "")
    rows = split(origin, found, val, test, seed)
    train, val_split, test_split = (Split(pixels[part], found.y[part]) for part in rows)
    twice = twice_in([pixels[part] for part in rows])
    return Data(
        train,
        val_split if len(val_split) else None,
        test_split if len(test_split) else None,
        schema_of(train, found, parts[0].y.where.rpartition(": ")[2]),
        note="" if len(val_split) else "nothing is held out to choose by: type data.val=0.1 or data.val_path=…",
        said=(*said(Path(path or "").name, parts, found, told, is_image), *said_twice(twice, "examples")),
        sha256={Path(name).name: own.digest_of(Path(name)) for name in files.values() if name is not None},
        overview=Overview(twice=twice),
    )


def parts_of(files: dict[str, str | None], x: str | None, y: str | None) -> dict[int, Pair]:
    """Number of the part -> its arrays, nothing read but heads."""
    path = files["data.path"]
    if path is None:
        raise UserError("data=arrays needs a file with x and y. Type data.path=FILE.npz")
    parts = reading.pairs(path, files["data.target_path"], x, y, "data.path")
    for part, key in ((1, "data.val_path"), (2, "data.test_path")):
        if (name := files[key]) is not None:
            parts[part] = reading.pairs(name, None, x, y, key)[0]
    return parts


def together(parts: dict[int, Pair]) -> tuple[np.ndarray, Tensor]:
    """All examples, finite, and (N,) which part each is of. UserError for parts of different shapes."""
    first = parts[0].x
    for pair in parts.values():
        if pair.x.shape[1:] != first.shape[1:]:
            raise UserError(f"{first.where} is {shaped(first.shape)}, and {pair.x.where} {shaped(pair.x.shape)}.")
    total = sum(np.prod(pair.x.shape, dtype=float) for pair in parts.values())
    memory.ask_for(total * (first.dtype.itemsize + 4), f"{first.where}, {shaped(first.shape)},")
    read = [reading.finite(pair.x.read(), pair.x.where) for pair in parts.values()]
    origin = torch.tensor(list(parts)).repeat_interleave(torch.tensor([len(each) for each in read]))
    return np.concatenate(read) if len(read) > 1 else read[0], origin


def target_of(values: list[np.ndarray], parts: Sequence[Pair], task: str) -> Target:
    """The targets of all parts. UserError where they are neither classes nor numbers."""
    for each, pair in zip(values, parts, strict=True):
        reading.finite(each, pair.y.where)
    where = parts[0].y.where
    if len({each.shape[1:] for each in values}) > 1:
        raise UserError(f"{where} is {shaped(parts[0].y.shape)}, and other parts have another shape.")
    y = np.concatenate(values)
    image = len(parts[0].x.shape) >= 3 and task != "regress"
    if task.startswith("classify") or (task != "regress" and (image or reading.are_classes(y))):
        return classes(y, where)
    if y.dtype.kind in "US":
        raise UserError(
            f"{where} holds words, such as {str(y.flat[0])!r}, and numbers are to be predicted. Type task=classify"
        )
    numbers = torch.from_numpy(y.reshape(len(y), -1).astype(np.float32))
    if (numbers == numbers[0]).all():
        raise UserError(f"{where} is always {y.flat[0]}: there is nothing to predict.")
    return Target(numbers, None)


def classes(y: np.ndarray, where: str) -> Target:
    if y.ndim == 2 and y.shape[1] > 1:
        if not reading.is_one_hot(y):
            raise UserError(f"{where} is {shaped(y.shape)}; to classify, one class for each example is expected.")
        y = y.argmax(1)
    names, codes = np.unique(y.reshape(-1), return_inverse=True)
    if len(names) == 1:
        raise UserError(f"{where} is always {names[0]}: there is nothing to tell apart.")
    if len(names) > MOST_CLASSES or 2 * len(names) > len(y) > 20:
        raise UserError(
            f"{where} has {len(names):,} different values for {len(y):,} examples: those are no classes. "
            "For numbers type task=regress"
        )
    labels = [word(name) for name in names]
    ordered = sorted(labels, key=in_order)
    place = torch.tensor([ordered.index(label) for label in labels])
    return Target(place[torch.from_numpy(codes.reshape(-1).astype(np.int64))], tuple(ordered))


def word(name: object) -> str:
    """3.0 is written 3."""
    if isinstance(name, bytes):
        return name.decode("utf-8", "backslashreplace")
    text = str(name).encode("utf-8", "backslashreplace").decode()
    return text.removesuffix(".0") if isinstance(name, np.floating) else text


def as_table(x: np.ndarray, pair: Pair) -> Tensor:
    """(N, F) float32."""
    with np.errstate(over="ignore"):
        flat = x.reshape(len(x), -1).astype(np.float32)
    return torch.from_numpy(reading.finite(flat, f"{pair.x.where} in 32 bits"))


def as_images(x: np.ndarray) -> tuple[Tensor, str]:
    """(N, C, H, W) and how values became bytes, as those of a picture's file are: so `predict` can read one."""
    if x.ndim == 3:
        x = x[:, None]
    elif x.shape[3] in CHANNELS and x.shape[1] not in CHANNELS:
        x = x.transpose(0, 3, 1, 2)
    if x.shape[1] not in (1, 3):
        return torch.from_numpy(np.ascontiguousarray(x, np.float32)), ""
    if x.dtype == np.uint8 and x.max() > 1:
        return torch.from_numpy(np.ascontiguousarray(x)), ""
    low, high = min(0.0, float(x.min())), float(x.max())
    if low == 0 and 127 < high <= 255:
        return torch.from_numpy(np.ascontiguousarray(x.round()).astype(np.uint8)), ""
    out = np.empty(x.shape, np.uint8)
    for start in range(0, len(x), 1024):
        share = (x[start : start + 1024].astype(np.float64) - low) / ((high - low) or 1.0)
        out[start : start + 1024] = (255 * share).round()
    return torch.from_numpy(out), f"{low:g} to {high:g} -> bytes"


def split(origin: Tensor, found: Target, val: float, test: float, seed: int) -> list[Tensor]:
    """The rows of the three parts: those that have arrays of their own, the others by seed."""
    free, *named = ((origin == number).nonzero().squeeze(1) for number in range(3))
    val, test = (0.0 if len(some) else share for some, share in zip(named, (val, test), strict=True))
    if found.labels is not None:
        chosen = stratified(found.y[free], val, test, seed)
    else:
        chosen = held_out(shuffled(len(free), seed), val, test)
    return [free[chosen[0]], *(torch.cat([free[part], some]) for part, some in zip(chosen[1:], named, strict=True))]


def schema_of(train: Split, found: Target, name: str) -> Schema:
    """Scales are those of the training part; of images one for each channel."""
    assert train.y is not None
    x = train.x
    sizes = {"in_features": x[0].numel(), "outputs": len(found.labels) if found.labels else train.y.shape[1]}
    scale, y_scale = Scale(*(image_moments(x) if x.dim() == 4 else table_moments(x))), None
    if found.labels is None:
        y_scale = Scale(*table_moments(train.y))
    if x.dim() == 4:
        sizes |= dict(zip(("in_channels", "height", "width"), x.shape[1:], strict=True))
    return Schema(
        sizes,
        "image" if x.dim() == 4 else "table",
        "class" if found.labels else "number",
        labels=found.labels,
        target=name,
        x_scale=scale,
        y_scale=y_scale,
    )


def table_moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """(F,) mean and standard deviation, 1 of a column that is always the same."""
    wide = x.double()
    std = wide.std(0, correction=0)
    return wide.mean(0).float(), torch.where(std > 0, std, 1.0).float()


def image_moments(x: Tensor) -> tuple[Tensor, Tensor]:
    sums, squares = torch.zeros(x.shape[1], dtype=torch.float64), torch.zeros(x.shape[1], dtype=torch.float64)
    for piece in x.split(1024):
        wide = piece.double()
        sums += wide.sum((0, 2, 3))
        squares += (wide * wide).sum((0, 2, 3))
    return moments(sums, squares, len(x) * x.shape[2] * x.shape[3])


# what was read, in words


def said(name: str, parts: dict[int, Pair], found: Target, told: str, is_image: bool) -> tuple[str, ...]:
    """`reading x.npz: x (1,797, 8, 8) float64, 0 to 16 -> bytes` and `y: 3 183, 1 182, … -> classify_images`"""
    arrays = [f"{pair.x.where.rpartition(': ')[2]} {shaped(pair.x.shape)} {pair.x.dtype}" for pair in parts.values()]
    first, target = ", ".join([*arrays, *([told] if told else [])]), parts[0].y.where.rpartition(": ")[2]
    if found.labels is None:
        low, high, mean = float(found.y.min()), float(found.y.max()), float(found.y.double().mean())
        second = f"{target}: {low:g} to {high:g}, mean {mean:.5g} -> regress"
    else:
        counts = torch.bincount(found.y, minlength=len(found.labels)).tolist()
        pairs = sorted(zip(found.labels, counts, strict=True), key=lambda pair: -pair[1])
        shown = ", ".join(f"{label} {count:,}" for label, count in pairs[:6])
        more = f", … of {len(pairs):,} classes" if len(pairs) > 6 else ""
        second = f"{target}: {shown}{more} -> {'classify_images' if is_image else 'classify'}"
    return f"reading {name}: {first}", second


def twice_in(x: Sequence[Tensor]) -> dict[str, int]:
    """Held-out part -> its exact duplicates of examples that are trained on: what is measured on them is too good."""
    train, *held = ([hash(row.tobytes()) for row in part.numpy()] for part in x)
    known = set(train)
    return {name: sum(each in known for each in part) for name, part in zip(PARTS[1:], held, strict=True)}
