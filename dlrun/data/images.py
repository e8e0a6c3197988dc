"""Pictures of the user's own: a folder with one folder a class, or a table of file and label."""

import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor

from dlrun.data.base import Data, Overview, Scale, Schema, Split, grouped, stratified
from dlrun.errors import UserError
from dlrun.limits import Fraction, Range
from dlrun.pictures import find
from dlrun.pictures.decode import Fit
from dlrun.pictures.find import Pictures
from dlrun.pictures.prepare import Options, Prepared, prepared
from dlrun.tabular import columns as reading
from dlrun.terminal.plain import amount

MOST_CLASSES = 10_000
LOADED = 2**28  # bytes of pixels up to which they are held in memory
Side = Annotated[int, Range(1, 1024)]  # pixels
PARTS = ("train", "val", "test")


def load(
    *,
    path: str | None,
    file: str | None,
    target: str | None,
    resize: Side | None,
    fit: Fit,
    val: Fraction,
    test: Fraction,
    val_path: str | None,
    test_path: str | None,
    group: str | None,
    strict: bool,
    seed: int,
    encoding: str | None,
) -> Data:
    """x (N, C, H, W) uint8, memory-mapped if they are many, with the channels' scales of the training part. UserError
    for more than a few that can't be read, and for those without a label."""
    places = places_of(path, val_path, test_path)
    pictures = Pictures()
    for part, (key, place) in places.items():
        pictures.add(find.found(place, key, part, file=file, target=target, group=group, encoding=encoding))
    classes, labels, told = classes_of(pictures.labels)
    sources = [place for _, place in places.values()]
    ready = prepared(sources, pictures.names, pictures.paths, Options(resize, fit, strict))
    y = classes[ready.rows]
    if len(there := y.unique()) == 1:
        raise UserError(
            f"{sources[0]} has one class, {labels[int(there[0])]}: there is nothing to tell apart. {find.HOW}"
        )
    parts = parts_of(pictures, y, ready.rows, val, test, seed)
    name, twice = Path(sources[0]).name, twice_in(ready, parts)
    return Data(
        *splits(ready, y, parts),
        schema_of(ready, parts[0], labels, fit, pictures.column),
        note="" if len(parts[1]) else "nothing is held out to choose by: type data.val=0.1 or data.val_path=…",
        said=(*said(name, pictures, ready, y, labels, parts, told), *said_twice(twice)),
        sha256={name: digest_of(pictures, ready)},
        overview=overview_of(pictures, ready, twice),
    )


def places_of(path: str | None, val_path: str | None, test_path: str | None) -> dict[int, tuple[str, str]]:
    """Number of the part -> key and place."""
    if path is None:
        raise UserError("data=images needs a folder with one folder a class. Type data.path=FOLDER")
    named = {0: ("data.path", path), 1: ("data.val_path", val_path), 2: ("data.test_path", test_path)}
    return {part: (key, place) for part, (key, place) in named.items() if place is not None}


def classes_of(names: Sequence[str]) -> tuple[Tensor, tuple[str, ...], list[str]]:
    """(N,) the class of each picture, the classes' names in order, and what was told."""
    import polars as pl

    codes, labels, told = reading.classes(pl.Series("label", names))
    if len(labels) == 1:
        raise UserError(f"There is one class, {labels[0]}: there is nothing to tell apart. {find.HOW}")
    if len(labels) > MOST_CLASSES or 2 * len(labels) > len(names) > 20:
        raise UserError(
            f"There are {len(labels):,} different labels for {len(names):,} pictures: those are no classes. "
            f"Such as {', '.join(labels[:3])}. {find.HOW}"
        )
    return torch.tensor(codes.to_numpy()), tuple(labels), told


def parts_of(pictures: Pictures, y: Tensor, rows: Tensor, val: float, test: float, seed: int) -> list[Tensor]:
    """The pictures of the three parts: those that are said by folder or file, the others split by seed or group."""
    origin = torch.tensor(pictures.parts)[rows]
    free, *named = ((origin == number).nonzero().squeeze(1) for number in range(3))
    if not len(free):
        raise UserError("All pictures are held out: there is nothing to train on.")
    val, test = (0.0 if len(some) else share for some, share in zip(named, (val, test), strict=True))
    if pictures.groups:
        numbers = {name: number for number, name in enumerate(dict.fromkeys(pictures.groups))}
        groups = torch.tensor([numbers[name] for name in pictures.groups])[rows][free]
        chosen = grouped(groups.unique(return_inverse=True)[1], val, test, seed)
    else:
        chosen = stratified(y[free], val, test, seed)
    return [free[chosen[0]], *(torch.cat([free[part], some]) for part, some in zip(chosen[1:], named, strict=True))]


def splits(ready: Prepared, y: Tensor, parts: Sequence[Tensor]) -> tuple[Split, Split | None, Split | None]:
    pixels = torch.from_numpy(ready.pixels)
    if pixels.numel() > LOADED:
        made = [Split(pixels, y[part], rows=part, read_ahead=ready.read_ahead) for part in parts]
    else:
        made = [Split(pixels[part], y[part]) for part in parts]
    train, val, test = made
    return train, val if len(val) else None, test if len(test) else None


def schema_of(ready: Prepared, train: Tensor, labels: tuple[str, ...], fit: Fit, column: str | None) -> Schema:
    _, channels, height, width = ready.pixels.shape
    sizes = {"in_features": channels * height * width, "in_channels": channels, "height": height, "width": width}
    mean, std = moments(ready.sums[train].sum(0), ready.squares[train].sum(0), len(train) * height * width)
    return Schema(
        sizes | {"outputs": len(labels)},
        "image",
        "class",
        labels=labels,
        target="class",
        column=column,
        x_scale=Scale(mean, std),
        fit=fit,
    )


def moments(sums: Tensor, squares: Tensor, pixels: int) -> tuple[Tensor, Tensor]:
    """(C,) whole sums -> (C, 1, 1) mean and standard deviation of each channel, or () of a single one."""
    mean = sums.double() / pixels
    variance = (squares.double() / pixels - mean**2).clamp(min=0)
    std = torch.tensor([math.sqrt(each) or 1.0 for each in variance.tolist()])
    shape = (len(sums), 1, 1) if len(sums) > 1 else ()
    return mean.float().view(shape), std.view(shape)


def digest_of(pictures: Pictures, ready: Prepared) -> str:
    """Of all names, labels, parts and contents."""
    lines = [
        f"{pictures.parts[at]}\0{pictures.names[at]}\0{pictures.labels[at]}\0".encode() + digest.tobytes()
        for at, digest in zip(ready.rows.tolist(), ready.digests.numpy(), strict=True)
    ]
    return hashlib.sha256(b"\n".join(sorted(lines))).hexdigest()


# what was read, in words


def said(
    name: str,
    pictures: Pictures,
    ready: Prepared,
    y: Tensor,
    labels: tuple[str, ...],
    parts: Sequence[Tensor],
    told: Sequence[str],
) -> tuple[str, ...]:
    """`reading flowers: 1,797 pictures in 10 classes, 8 x 8 to 640 x 480, grey -> 32 x 32`"""
    total, channels, height, width = ready.pixels.shape
    sizes = [f"{wide} x {high}" for high, wide in dict.fromkeys((ready.smallest, ready.largest))]
    kept = f"{width} x {height}"
    first = [f"{total:,} pictures in {len(labels):,} classes", " to ".join(sizes)]
    first += ["grey" if channels == 1 else "RGB"]
    arrow = "" if sizes == [kept] else f" -> {kept}"
    counts = torch.bincount(y, minlength=len(labels)).tolist()
    pairs = sorted(zip(labels, counts, strict=True), key=lambda pair: -pair[1])
    shown = ", ".join(f"{label} {number:,}" for label, number in pairs[:6]) + (", …" if len(pairs) > 6 else "")
    left_out = []
    if ready.bad:
        bad, why = ready.bad[0]
        more = " …" if len(ready.bad) > 1 else ""
        left_out = [f"{amount(len(ready.bad), 'unreadable picture')} left out ({bad}: {why}{more})"]
    lines = [
        f"reading {name}: {', '.join(first)}{arrow}",
        "; ".join([f"classes: {shown}", *left_out, *pictures.told, *told]),
    ]
    return (*lines, *said_unseen(y, labels, parts))


def said_unseen(y: Tensor, labels: tuple[str, ...], parts: Sequence[Tensor]) -> list[str]:
    unseen = sorted(set(y.tolist()) - set(y[parts[0]].tolist()))
    if not unseen:
        return []
    names = ", ".join(labels[each] for each in unseen[:3]) + (" …" if len(unseen) > 3 else "")
    return [f"no picture to train on, only held-out ones: {names}"]


def twice_in(ready: Prepared, parts: Sequence[Tensor]) -> dict[str, int]:
    """Held-out part -> its files of the same content as one that is trained on."""
    train, *held = ([digest.tobytes() for digest in ready.digests[part].numpy()] for part in parts)
    known = set(train)
    return {name: sum(each in known for each in part) for name, part in zip(PARTS[1:], held, strict=True)}


def said_twice(twice: dict[str, int]) -> list[str]:
    """What is measured on exact copies is too good."""
    held = " and ".join(f"{number:,} of {part}" for part, number in twice.items() if number)
    return [f"exact copies of pictures that are trained on: {held}; results on them are too good"] if held else []


def overview_of(pictures: Pictures, ready: Prepared, twice: dict[str, int]) -> Overview:
    """A few pictures, by file and label."""
    chosen = [int(ready.rows[at]) for at in reading.evenly(len(ready.rows))]
    examples = tuple({"file": pictures.names[at], "label": pictures.labels[at]} for at in chosen)
    return Overview(examples=examples, pictures=(ready.smallest, ready.largest), twice=twice)
