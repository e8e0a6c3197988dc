"""Which arrays of a file are the examples and what is asked of them. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from dlrun.errors import UserError
from dlrun.files import own
from dlrun.tabular.array_files import Entry, heads, shaped
from dlrun.tabular.columns import is_class
from dlrun.terminal.plain import amount

X = ("x", "data", "images", "image", "features", "inputs", "input", "arr_0")
Y = ("y", "target", "targets", "labels", "label", "classes", "arr_1")
PARTS = (("train", "training"), ("val", "valid", "validation"), ("test", "testing"))
LARGEST_TARGETS = 2**29  # bytes of y


class Pair(NamedTuple):
    """Examples and what is asked of each."""

    x: Entry
    y: Entry


# which arrays there are


def pairs(path: str, target_path: str | None, x: str | None, y: str | None, key: str) -> dict[int, Pair]:
    """Number of the part (0 train, 1 val, 2 test) -> its arrays. UserError where there are none that go together."""
    file = own.file(path, key)
    entries = heads(file)
    if target_path is not None:
        found = {0: Pair(one_of(entries, x, X, file, "data.x"), single(target_path, y))}
    elif x is not None or y is not None:
        found = {0: Pair(one_of(entries, x, X, file, "data.x"), one_of(entries, y, Y, file, "data.y"))}
    else:
        found = told_parts(entries, file)
    for pair in found.values():
        check(pair)
    return found


def single(path: str, y: str | None) -> Entry:
    file = own.file(path, "data.target_path")
    entries = heads(file)
    return next(iter(entries.values())) if len(entries) == 1 else one_of(entries, y, Y, file, "data.y")


def told_parts(entries: Mapping[str, Entry], file: Path) -> dict[int, Pair]:
    """x and y, or x_train, y_train, x_test … by their names."""
    found = {}
    for part, words in enumerate(PARTS):
        x, y = (by_name(entries, names, words, bare=part == 0) for names in (X, Y))
        if x is not None and y is not None:
            found[part] = Pair(entries[x], entries[y])
    if 0 not in found:
        one_of(entries, None, X, file, "data.x")
        one_of(entries, None, Y, file, "data.y")
        raise UserError(f"{file} has no arrays to train on, such as x_train and y_train. It has: {listed(entries)}")
    return found


def by_name(entries: Mapping[str, Entry], names: tuple[str, ...], words: tuple[str, ...], *, bare: bool) -> str | None:
    lower = {each.lower(): each for each in entries}
    wanted = [
        form for name in names for word in words for form in (f"{name}_{word}", f"{word}_{name}", f"{name}{word}")
    ]
    wanted += names if bare else ()
    return next((lower[each] for each in wanted if each in lower), None)


def one_of(entries: Mapping[str, Entry], typed: str | None, names: tuple[str, ...], file: Path, key: str) -> Entry:
    name = typed if typed is not None else by_name(entries, names, PARTS[0], bare=True)
    if typed is None and key == "data.x" and len(entries) == 1:
        name = next(iter(entries))
    if name is None or name not in entries:
        asked = f"{file} has no {name}." if name else f"Which array of {file} is {key[-1]}?"
        lone = ", or data.target_path=FILE" if key == "data.y" else ""
        raise UserError(f"{asked} Type {key}=NAME{lone}. It has: {listed(entries)}")
    return entries[name]


def listed(entries: Mapping[str, Entry]) -> str:
    return ", ".join(f"{name} {shaped(each.shape)}" for name, each in list(entries.items())[:20]) or "nothing"


def check(pair: Pair) -> None:
    """UserError for shapes and kinds that can't be examples and their targets."""
    x, y = pair
    for each in pair:
        if not each.shape or 0 in each.shape:
            raise UserError(f"{each.where} is {shaped(each.shape)}: it holds no examples.")
    if x.dtype.kind not in "biuf":
        raise UserError(f"{x.where} holds {x.dtype}, and numbers are expected.")
    if y.dtype.kind not in "biufUS":
        raise UserError(f"{y.where} holds {y.dtype}, and numbers or words are expected.")
    if len(x.shape) > 4:
        raise UserError(f"{x.where} is {shaped(x.shape)}; (N, F), (N, H, W) or (N, C, H, W) are expected.")
    if len(y.shape) > 2:
        raise UserError(f"{y.where} is {shaped(y.shape)}; one value for each example is expected.")
    if x.shape[0] != y.shape[0]:
        raise UserError(f"{x.where} has {amount(x.shape[0], 'example')}, and {y.where} {y.shape[0]:,}.")
    if math.prod(y.shape) * y.dtype.itemsize > LARGEST_TARGETS:
        raise UserError(f"{y.where} is {shaped(y.shape)} of {y.dtype}; {LARGEST_TARGETS:,} bytes are the most.")


# what is asked


def told_task(path: str, target_path: str | None, x: str | None, y: str | None) -> str:
    """The task that the arrays ask for: images are classified, of a table the values of y decide."""
    pair = pairs(path, target_path, x, y, "data.path")[0]
    if len(pair.x.shape) >= 3:
        return "classify_images"
    return "classify" if are_classes(finite(pair.y.read(), pair.y.where)) else "regress"


def are_classes(y: np.ndarray) -> bool:
    """Whether (N,) or (N, K) values name classes: words, few whole numbers that many share, or one-hot rows."""
    import polars as pl

    if y.ndim == 2 and y.shape[1] > 1:
        return is_one_hot(y)
    flat = y.reshape(-1)
    return flat.dtype.kind in "bUS" or is_class(pl.Series("y", flat))


def is_one_hot(y: np.ndarray) -> bool:
    return y.dtype.kind in "biuf" and bool(((y == 0) | (y == 1)).all() and (y.sum(1) == 1).all())


def finite(values: np.ndarray, where: str) -> np.ndarray:
    """The values. UserError names the first place of one that is no number."""
    if values.dtype.kind == "f":
        for start in range(0, len(values), 4096):
            piece = np.isfinite(values[start : start + 4096])
            if not piece.all():
                row, *place = np.argwhere(~piece)[0].tolist()
                value = values[(start + row, *place)]
                column = f", column {', '.join(f'{each + 1:,}' for each in place)}" if place else ""
                raise UserError(f"{where} holds {value} in row {start + row + 1:,}{column}, and numbers are expected.")
    return values
