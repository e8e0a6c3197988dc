"""The types every dataset answers with: its parts, and the schema that says what they mean.

The schema lies in every checkpoint, so that a run answers without its data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import msgspec
import torch
from torch import Tensor

from dlrun.errors import UserError, refuse_newer
from dlrun.files.readahead import ReadAhead
from dlrun.tabular.columns import DATES, Column, Seen
from dlrun.text.vocab import Vocab

VERSION = 1
MOST_DAYS = 4_000_000  # from 1970 to the year 12,000
NEEDED = {"table": ("in_features",), "image": ("in_channels", "height", "width"), "pair": ("target_len",)}


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation, measured once; applied when a batch is made, so that memory holds raw values."""

    mean: Tensor
    std: Tensor

    def apply(self, raw: Tensor) -> Tensor:
        return (raw.float() - self.mean.to(raw.device)) / self.std.to(raw.device)

    def undo(self, scaled: Tensor) -> Tensor:
        return scaled * self.std.to(scaled.device) + self.mean.to(scaled.device)


@dataclass(frozen=True)
class Schema:
    """`sizes` is the only road from data to model. Plain values and tensors, no example of the data.

    UserError where `sizes` lacks what every dataset of its kind has: `in_features` of a table, `in_channels`, `height`
    and `width` of images, `target_len` of pairs of sentences (the longest one to write, <eos> counted in).
    """

    sizes: dict[str, int]
    inputs: Literal["table", "image", "text", "pair", "function"]
    targets: Literal["class", "number", "text"] | None = None
    vocab: Vocab | None = None
    target_vocab: Vocab | None = None  # of translations; `vocab` is then that of what is translated
    labels: tuple[str, ...] | None = None  # names of the classes
    columns: tuple[Column, ...] | None = None  # of a table of the user's own: how a row of its file is read
    target: str | None = None  # the name of what is predicted
    column: str | None = None  # where a table of texts has the text, or one of pictures the picture's file
    fit: Literal["crop", "stretch", "pad"] | None = None  # how a picture is brought to its size; None: stretched
    x_scale: Scale | None = None
    y_scale: Scale | None = None

    def __post_init__(self) -> None:
        needed = (*NEEDED.get(self.inputs, ()), *(("outputs",) if self.targets in ("class", "number") else ()))
        if missing := [name for name in needed if name not in self.sizes]:
            raise UserError(f"A schema of inputs={self.inputs!r} needs the size {missing[0]}.")

    def state_dict(self) -> dict[str, object]:
        """Loads with `weights_only=True`."""
        return {
            "version": VERSION,
            "sizes": dict(self.sizes),
            "inputs": self.inputs,
            "targets": self.targets,
            "vocab": self.vocab and self.vocab.to_json(),
            "target_vocab": self.target_vocab and self.target_vocab.to_json(),
            "labels": self.labels,
            "columns": self.columns and [asdict(column) for column in self.columns],
            "target": self.target,
            "column": self.column,
            "fit": self.fit,
            "x_scale": self.x_scale and (self.x_scale.mean, self.x_scale.std),
            "y_scale": self.y_scale and (self.y_scale.mean, self.y_scale.std),
        }

    @classmethod
    def from_state_dict(cls, state: Any, where: str) -> Schema:
        """UserError, which names `where` it stands, for one of a newer dlrun and for what is none."""
        try:
            refuse_newer(f"The schema of {where}", state["version"], VERSION)
            sizes = {str(name): whole(size) for name, size in state["sizes"].items()}
            vocab, target_vocab = (
                None if state[name] is None else Vocab.from_json(state[name]) for name in ("vocab", "target_vocab")
            )
            x_scale, y_scale = (None if state[name] is None else scale(*state[name]) for name in ("x_scale", "y_scale"))
            labels = None if state["labels"] is None else tuple(map(str, state["labels"]))
            target, column = (None if state.get(name) is None else str(state[name]) for name in ("target", "column"))
            fit = msgspec.convert(state.get("fit"), Literal["crop", "stretch", "pad"] | None)
            made = cls(
                sizes,
                state["inputs"],
                state["targets"],
                vocab,
                target_vocab,
                labels,
                columns_of(state.get("columns"), sizes),
                target,
                column,
                fit,
                x_scale,
                y_scale,
            )
        except UserError:
            raise
        except Exception as error:  # somebody's own: anything may be anything
            raise UserError(f"{where} has no schema that can be read ({type(error).__name__}).") from error
        if made.labels is not None and len(made.labels) != sizes.get("outputs"):
            raise UserError(f"{where} has no schema that can be read: its labels are not as many as its outputs.")
        return made


def whole(size: object) -> int:
    if type(size) is not int or not 0 < size < 2**40:
        raise ValueError(f"{size!r} is no size")
    return size


def columns_of(state: object, sizes: dict[str, int]) -> tuple[Column, ...] | None:
    """ValueError for columns that do not make as many numbers as the model takes."""
    if state is None:
        return None
    columns = msgspec.convert(state, tuple[Column, ...])
    if not all(map(is_readable, columns)):
        raise ValueError("a column is read in no way that there is")
    if sum(column.width for column in columns) != sizes.get("in_features"):
        raise ValueError("its columns are not its features")
    return columns


def is_readable(column: Column) -> bool:
    """Whether its gaps can be filled, and its dates are written in a form that is tried here."""
    if column.kind == "date":
        return column.form in DATES and abs(column.fill) < MOST_DAYS
    return math.isfinite(column.fill)


def scale(mean: object, std: object) -> Scale:
    if not (isinstance(mean, Tensor) and isinstance(std, Tensor) and mean.shape == std.shape and mean.dim() < 4):
        raise ValueError("a mean and a standard deviation are two tensors of one shape")
    return Scale(mean.to(torch.float32), std.to(torch.float32))


@dataclass(frozen=True)
class Split:
    """One part of a dataset, on one device.

    Tables and images: `x` is (N, F) or (N, C, H, W), images as uint8; `y` is (N,) classes or (N, outputs) targets.
    Texts: `x` is one flat (total,) tensor of tokens, text i is `x[offsets[i]:offsets[i + 1]]`; `y` is (N,) or None.
    Pairs of sentences: `x` is (N, S) and `y` (N, T) tokens, each with its `<eos>`, then 0.
    `mapped`: `x` is a file that may be larger than memory, of uint8, int16 or int32. Where pictures fill such a file,
    `x` is all of it, on the CPU for good, and example i is `x[rows[i]]`. `read_ahead`: asks for pieces of that file.
    """

    x: Tensor
    y: Tensor | None = None
    offsets: Tensor | None = None
    rows: Tensor | None = None
    mapped: bool = False
    read_ahead: ReadAhead | None = None

    def __len__(self) -> int:
        if self.rows is not None:
            return len(self.rows)
        return len(self.x) if self.offsets is None else len(self.offsets) - 1

    def to(self, device: torch.device) -> Split:
        y = None if self.y is None else self.y.to(device)
        if self.rows is not None:
            return replace(self, y=y)
        offsets = None if self.offsets is None else self.offsets.to(device)
        moved = replace(self, x=self.x.to(device), y=y, offsets=offsets)
        return moved if device.type == "cpu" else replace(moved, mapped=False, read_ahead=None)

    def examples(self, chosen: Tensor) -> Tensor:
        """(B,) their numbers -> (B, ...) of x, where x is."""
        at = chosen.to(self.x.device)
        return self.x[at if self.rows is None else self.rows[at]]

    def prefetch(self, chosen: Tensor, count: int = 1) -> None:
        """`count` rows of x (of a text: tokens) from each of the (B,) `chosen` on will be read soon."""
        if self.read_ahead is None:
            return
        first, size = chosen.cpu() if self.rows is None else self.rows[chosen.cpu()], math.prod(self.x.shape[1:])
        self.read_ahead(
            (first * size + int(self.x.storage_offset())).tolist(), count * size
        )  # a part's x is within a file


@dataclass(frozen=True)
class Overview:
    """What a reader saw in files of the user's own and the tensors no longer hold; `dlrun describe` shows it."""

    columns: tuple[Seen, ...] = ()  # of a table, those left out as well
    examples: tuple[dict[str, str], ...] = ()  # a few as they stand in the files: name -> value
    pictures: tuple[tuple[int, int], ...] = ()  # height and width of the smallest and the largest
    twice: dict[str, int] | None = None  # part held out -> how many of it are trained on as well; None: not counted


@dataclass(frozen=True)
class Data:
    """What exists; `val` or `test` is None where nothing is held out."""

    train: Split
    val: Split | None
    test: Split | None
    schema: Schema
    objective: Callable[[Tensor], Tensor] | None = None  # (..., coordinates) -> (...), where a function is all there is
    note: str = field(default="")  # one line for the user on what is special, such as "nothing is held out"
    said: tuple[str, ...] = ()  # what was read, of files of the user's own
    sha256: dict[str, str] = field(default_factory=dict)  # digests of those files
    overview: Overview = field(default_factory=Overview)


def shuffled(count: int, seed: int) -> Tensor:
    """(count,) a fixed order of the rows: `data.seed` alone decides which are held out."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def held_out(rows: Tensor, val: float, test: float = 0.0) -> tuple[Tensor, Tensor, Tensor]:
    """`rows` in three: what is left to train on comes first, then the fractions `val` and `test` of all, rounded."""
    held = [round(len(rows) * val), round(len(rows) * test)]
    left = len(rows) - sum(held)
    if left < 1:
        raise UserError(f"The held-out fractions leave nothing of {len(rows)} to train on. Type a smaller data.val=…")
    train, val_rows, test_rows = rows.split([left, *held])
    return train, val_rows, test_rows


def stratified(y: Tensor, val: float, test: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """(N,) classes -> the rows of three parts, in each of which a class has about its share of all.

    A class of fewer than three examples is trained on whole.
    """
    order = shuffled(len(y), seed)
    order = order[torch.sort(y[order], stable=True).indices]  # class by class
    rare = torch.bincount(y)[y[order]] < 3
    train, held = spread(order[~rare], round(len(y) * val) + round(len(y) * test))
    val_rows, test_rows = spread(held, round(len(y) * test))
    return enough(torch.cat([train, order[rare]]), val_rows, test_rows)


def spread(rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """`count` of the rows, at even distances, as the second of two parts."""
    count = min(count, len(rows))
    chosen = torch.zeros(len(rows), dtype=torch.bool)
    chosen[((torch.arange(count) + 0.5) * (len(rows) / max(count, 1))).long()] = True
    return rows[~chosen], rows[chosen]


def grouped(groups: Tensor, val: float, test: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """(N,) numbers of groups -> the rows of three parts; no group is in two of them."""
    sizes = torch.bincount(groups)
    order = shuffled(len(sizes), seed)
    ends = sizes[order].cumsum(0)
    first, second = round(len(groups) * test), round(len(groups) * test) + round(len(groups) * val)
    part = torch.zeros(len(sizes), dtype=torch.int64)
    part[order] = (ends <= second).long() + (ends <= first).long()  # 2: to test, 1: to choose by, 0: to train on
    of_row = part[groups]
    train, val_rows, test_rows = ((of_row == number).nonzero().squeeze(1) for number in range(3))
    if (val and not len(val_rows)) or (test and not len(test_rows)):
        wanted = {"data.test": test, "data.val": val}
        shares = (math.ceil(100 * int(size) / len(groups)) / 100 for size in sizes[order])  # in which they are drawn
        typed = [f"{key}={next(shares)}" for key, share in wanted.items() if share and len(sizes) > 2]
        raise UserError(
            f"There are too few groups, {len(sizes)}, for data.val={val} and data.test={test}. "
            f"Type {' '.join(typed) or 'data.val=0 data.test=0'}"
        )
    return enough(train, val_rows, test_rows)


def enough(train: Tensor, val_rows: Tensor, test_rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    if not len(train):
        raise UserError("The held-out fractions leave nothing to train on. Type a smaller data.val=…")
    return train, val_rows, test_rows
