"""Columns, targets and duplicates of a dataset, measured in its tensors where its reader has not seen more."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dlrun.data.base import Data, Schema, Split
from dlrun.tabular.columns import Seen

MOST_COLUMNS = 1000  # of numbers without names, each of which is measured


@dataclass
class Class:
    """Examples of a class in all parts, their share, and those of each part."""

    label: str
    count: int
    share: float
    parts: dict[str, int]


@dataclass
class Number:
    """One of the numbers that are predicted."""

    name: str
    low: float
    mean: float
    high: float


def columns_of(data: Data) -> list[Seen]:
    """Those that the reader has seen; else each number of a table, by its place. One that is always the same in the

    training part is left out as well.
    """
    if data.overview.columns:
        used = {column.name for column in data.schema.columns or ()}
        return [
            replace(each, left_out="always the same in the training part")
            if each.kind and each.name not in used
            else each
            for each in data.overview.columns
        ]
    x = data.train.x
    if data.schema.inputs != "table" or x.dim() != 2 or x.shape[1] > MOST_COLUMNS:
        return []
    parts = [split.x for split in (data.train, data.val, data.test) if split is not None]
    return [of_numbers(f"x{at + 1}", torch.cat([part[:, at] for part in parts])) for at in range(x.shape[1])]


def of_numbers(name: str, column: Tensor) -> Seen:
    low, mean, high = float(column.min()), float(column.double().mean()), float(column.max())
    return Seen(name, "number", different=len(column.unique()), low=low, mean=mean, high=high)


def classes_of(splits: dict[str, Split], schema: Schema) -> list[Class]:
    """The most frequent first."""
    outputs = schema.sizes["outputs"]
    labels = schema.labels or tuple(map(str, range(outputs)))
    counts = {
        name: torch.bincount(split.y, minlength=outputs).tolist()
        for name, split in splits.items()
        if split.y is not None
    }
    total = [sum(each) for each in zip(*counts.values(), strict=True)]
    found = [
        Class(label, total[at], total[at] / max(1, sum(total)), {name: each[at] for name, each in counts.items()})
        for at, label in enumerate(labels)
    ]
    return sorted(found, key=lambda each: -each.count)


def numbers_of(splits: dict[str, Split], schema: Schema) -> list[Number]:
    y = torch.cat([split.y for split in splits.values() if split.y is not None])
    name, several = schema.target or "y", y.shape[1] > 1
    return [
        Number(f"{name}{at}" if several else name, float(each.min()), float(each.double().mean()), float(each.max()))
        for at, each in enumerate(y.unbind(1)[:MOST_COLUMNS], 1)
    ]


def twice_in(splits: dict[str, Split], schema: Schema) -> dict[str, int] | None:
    """Held-out part -> examples of it whose input is trained on as well; None of one stream, and of mapped files."""
    whole = schema.inputs == "text" and schema.targets is None
    if schema.inputs == "function" or whole or any(split.mapped or split.rows is not None for split in splits.values()):
        return None
    known = set(hashes(splits["train"], schema))
    return {
        name: sum(each in known for each in hashes(split, schema)) for name, split in splits.items() if name != "train"
    }


def hashes(split: Split, schema: Schema) -> Iterator[int]:
    if split.offsets is not None:
        ids, ends = split.x.numpy(), split.offsets.tolist()
        return (hash(ids[start:end].tobytes()) for start, end in zip(ends, ends[1:], strict=False))
    if schema.inputs == "pair":  # parts are filled up to different lengths
        return (hash(row[row != 0].tobytes()) for row in split.x.numpy())
    return (hash(row.tobytes()) for row in split.x.numpy())
