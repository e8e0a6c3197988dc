"""A table of the user's own, CSV, TSV, Parquet or JSON Lines: one column is predicted from the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from dlrun.data.base import Data, Overview, Scale, Schema, Split, grouped, held_out, shuffled, stratified
from dlrun.errors import UserError, nearest
from dlrun.files import own
from dlrun.limits import Fraction
from dlrun.tabular import columns as reading
from dlrun.tabular import targets
from dlrun.tabular.columns import Column, Seen
from dlrun.tabular.read import Table, read
from dlrun.terminal.plain import amount

if TYPE_CHECKING:
    import polars as pl

MOST_CLASSES = 1000
PARTS = ("train", "val", "test")
TYPED = "data.target=COLUMN"


class Target(NamedTuple):
    """The column that is predicted, of the rows that have a value in it."""

    name: str
    y: Tensor  # (N,) classes or (N, 1) numbers
    labels: tuple[str, ...] | None
    told: tuple[str, ...]


def load(
    *,
    path: str | None,
    target: str | None,
    exclude: Sequence[str],
    task: str,
    val: Fraction,
    test: Fraction,
    val_path: str | None,
    test_path: str | None,
    group: str | None,
    time: str | None,
    seed: int,
    encoding: str | None,
) -> Data:
    """x (N, F) float32 with scales of the training part: numbers, one-hot categories, dates as three numbers.

    `task` decides whether the target is read as a number or a class; one of the user's own: what its values look like.
    Rows without a target are left out. `group`: rows of one value in that column stay together. `time`: the latest
    rows are held out. UserError for what can't be read.
    """
    tables = [read(own.file(name, key), encoding) for key, name in files(path, val_path, test_path).items()]
    target, (frame, origin, told) = a_column(target, tables[0], "data.target"), together(tables, val_path, test_path)
    first = ", ".join(table.path.name for table in tables)
    with own.named(first), targets.advised(frame, target):
        found, kept = target_of(frame[target], target, task)
    frame, origin = frame.filter(kept.tolist()), origin[kept]
    for name, key in ((name, key) for name, key in ((group, "data.group"), (time, "data.time")) if name is not None):
        a_column(name, tables[0], key)
    left_out = {a_column(name, tables[0], "data.exclude"): "data.exclude" for name in exclude}
    left_out |= {target: "data.target", **({group: "data.group"} if group is not None else {})}
    places = kept.nonzero().squeeze(1)
    seen = [in_file(reading.look(frame[name]), places) for name in frame.columns if name not in left_out]
    with own.named(first):
        rows = split(frame, origin, found, val, test, seed, group=group, time=time)
        data = made(frame, found, rows, seen, f"reading {first}: {len(frame):,} rows", told)
    looked = {each.name: each for each in seen}
    columns = [looked.get(name) or Seen(name, None, left_out[name]) for name in frame.columns]
    overview = replace(data.overview, columns=tuple(columns), examples=tuple(reading.examples(frame)))
    return replace(data, sha256=own.by_name((table.path, table.sha256) for table in tables), overview=overview)


def in_file(seen: Seen, places: Tensor) -> Seen:
    """Odd values by their rows of the file: what has no target is left out before columns are looked at."""
    return replace(seen, odd=tuple((int(places[row - 1]) + 1, value) for row, value in seen.odd))


def made(
    frame: pl.DataFrame, found: Target, rows: list[Tensor], seen: list[Seen], first: str, told: Sequence[str]
) -> Data:
    """Columns measured on the training part, and all rows read by them."""
    train_frame = frame[rows[0].tolist()]
    columns = [column for each in seen if each.kind and (column := reading.measured(each, train_frame[each.name]))]
    if not columns:
        text = next((each.name for each in seen if each.left_out.endswith("different texts")), None)
        hint = f" To read the texts type data=labelled data.text={text}" if text else ""
        raise UserError(f"There is no column to predict {found.name} from: {said_of(seen, columns)}.{hint}")
    x = torch.from_numpy(reading.encoded(frame, columns)[0])
    train, val, test = (Split(x[chosen], found.y[chosen]) for chosen in rows)
    lines, twice = [", ".join((first, said_of(seen, columns), *told))], twice_in(frame, rows)
    return Data(
        train,
        val if len(val) else None,
        test if len(test) else None,
        schema_of(train, columns, found),
        note="" if len(val) else "data.val=0: nothing is held out to choose by",
        said=(*lines, *said_odd(seen), *said_target(found), *said_twice(twice, "rows")),
        overview=Overview(twice=twice),
    )


def files(
    path: str | None,
    val_path: str | None,
    test_path: str | None,
    kind: str = "table",
    typed: str = TYPED,
) -> dict[str, str]:
    """The key of each file, and its path."""
    if path is None:
        raise UserError(f"data={kind} needs a file. Type data.path=FILE {typed}".rstrip())
    given = {"data.path": path, "data.val_path": val_path, "data.test_path": test_path}
    return {key: name for key, name in given.items() if name is not None}


def a_column(name: str | None, table: Table, key: str) -> str:
    """UserError for a column that the file does not have."""
    columns = table.frame.columns
    if name is None:
        likely = targets.likeliest(table.frame)
        such = f", such as {likely}" if likely else ""
        raise UserError(
            f"What is to be predicted? Type {TYPED}{such}. {table.path.name} has: {', '.join(columns[:35])}"
        )
    if name not in columns:
        raise UserError(f"{key}={name}: {table.path.name} has no such column. {nearest(name, columns)}")
    return name


def together(
    tables: Sequence[Table], val_path: str | None, test_path: str | None
) -> tuple[pl.DataFrame, Tensor, tuple[str, ...]]:
    """All files' rows, (N,) which part each is of (0 where it is to be split), and what was told."""
    import polars as pl

    part_of = [0, *([1] if val_path else []), *([2] if test_path else [])]
    names = tables[0].frame.columns
    for table in tables[1:]:
        if missing := [name for name in names if name not in table.frame.columns]:
            raise UserError(f"{table.path.name} has no column {missing[0]}. {nearest(missing[0], table.frame.columns)}")
    frames = [table.frame.select(names) for table in tables]
    if len(frames) > 1:  # files may differ in what they say of a column
        frames = [frame.with_columns(reading.words(frame[name]).alias(name) for name in names) for frame in frames]
    sizes = torch.tensor([len(each) for each in frames])
    return pl.concat(frames), torch.tensor(part_of).repeat_interleave(sizes), tables[0].told


def target_of(series: pl.Series, name: str, task: str) -> tuple[Target, Tensor]:
    """The target of the rows that have one, and (N,) whether a row has. UserError where there is nothing to predict."""
    there = reading.words(series).drop_nulls()
    if not len(there):
        raise UserError(f"{name} has no value in any row.")
    as_class = task.startswith("classify") or (task != "regress" and reading.is_class(series))
    y, labels, told = a_class(series, name, there) if as_class else a_number(series, name, there)
    kept = y.is_not_null()
    if missing := len(kept) - int(kept.sum()):
        told.append(f"{amount(missing, 'row')} without it left out")
    values = torch.tensor(y.drop_nulls().to_numpy())
    values = values if as_class else values.float().unsqueeze(1)
    return Target(name, values, labels, tuple(told)), torch.tensor(kept.to_numpy())


def a_number(series: pl.Series, name: str, there: pl.Series) -> tuple[pl.Series, None, list[str]]:
    y = reading.numbers(series)
    if (wrong := y.is_null() & reading.words(series).is_not_null()).any():
        row = int(wrong.arg_true()[0])
        value = reading.short(reading.words(series)[row])
        raise UserError(f"{name} is to be a number, and row {row + 1:,} has {value!r}. For classes type task=classify")
    if y.n_unique() == 1:
        raise UserError(f"{name} is always {there[0]}: there is nothing to predict.")
    return y, None, []


def a_class(series: pl.Series, name: str, there: pl.Series) -> tuple[pl.Series, tuple[str, ...], list[str]]:
    if (different := there.n_unique()) > 10 * MOST_CLASSES:  # to put spellings together takes seconds for a million
        raise targets.NoClasses(name, different, len(there))
    y, labels, told = reading.classes(series)
    if len(labels) == 1:
        raise UserError(f"{name} is always {labels[0]}: there is nothing to tell apart.")
    if len(labels) > MOST_CLASSES or 2 * len(labels) > len(there) > 20:
        raise targets.NoClasses(name, len(labels), len(there))
    return y, tuple(labels), told


def split(
    frame: pl.DataFrame,
    origin: Tensor,
    found: Target,
    val: float,
    test: float,
    seed: int,
    *,
    group: str | None,
    time: str | None,
) -> list[Tensor]:
    """The rows of the three parts: those of files that were named, and the others split by seed, group or time."""
    if group is not None and time is not None:
        raise UserError("data.group and data.time each say how rows are held out. Type one of them.")
    free = (origin == 0).nonzero().squeeze(1)
    named = [(origin == number).nonzero().squeeze(1) for number in (1, 2)]
    val, test = (0.0 if len(rows) else share for rows, share in zip(named, (val, test), strict=True))
    if group is not None:
        codes = reading.words(frame[group]).fill_null("").rank("dense").cast(int) - 1
        parts = grouped(torch.tensor(codes.to_numpy())[free], val, test, seed)
    elif time is not None:
        parts = held_out(by_time(frame[time], time)[free].argsort(stable=True), val, test)
    elif found.labels is not None:
        parts = stratified(found.y[free], val, test, seed)
    else:
        parts = held_out(shuffled(len(free), seed), val, test)
    return [free[parts[0]], *(torch.cat([free[part], more]) for part, more in zip(parts[1:], named, strict=True))]


def by_time(series: pl.Series, name: str) -> Tensor:
    """(N,) float64 moments. UserError for a column that is neither dates nor numbers."""
    seen = reading.look(series)
    if seen.kind not in ("date", "number") and seen.left_out != "all different":
        raise UserError(f"data.time={name} holds no dates or numbers.")
    moments = reading.days(series, seen.form).dt.epoch("us").cast(float) if seen.form else reading.numbers(series)
    if moments.null_count():
        raise UserError(f"data.time={name} has a gap in row {moments.is_null().arg_true()[0] + 1:,}.")
    return torch.tensor(moments.to_numpy())


def schema_of(train: Split, columns: list[Column], found: Target) -> Schema:
    """Numbers and dates are scaled by mean and standard deviation of the training part, what is one-hot stays."""
    assert train.y is not None
    x = train.x.double()
    mean, std = x.mean(0).float(), x.std(0, correction=0).float()
    one_hot = torch.tensor([column.kind == "category" for column in columns for _ in range(column.width)])
    mean[one_hot], std[one_hot | (std == 0)] = 0.0, 1.0
    sizes = {"in_features": x.shape[1], "outputs": len(found.labels or [0])}
    y_scale = None
    if found.labels is None:
        y = train.y.double()
        y_scale = Scale(y.mean(0).float(), y.std(0, correction=0).float().clamp(min=1e-12))
    return Schema(
        sizes,
        "table",
        "class" if found.labels else "number",
        labels=found.labels,
        columns=tuple(columns),
        target=found.name,
        x_scale=Scale(mean, std),
        y_scale=y_scale,
    )


# what was read, in words


def said_of(seen: Sequence[Seen], columns: Sequence[Column]) -> str:
    """31 numbers, 1 category (clinic), patient_id left out (all different), 15 gaps filled"""
    kinds: Counter[str] = Counter(column.kind for column in columns)
    used = {column.name for column in columns}
    words = []
    for kind, plural in {"number": "numbers", "category": "categories", "date": "dates"}.items():
        if count := kinds[kind]:
            listed = [column.name for column in columns if column.kind == kind]
            shown = "" if kind == "number" or count > 3 else f" ({', '.join(listed)})"
            words.append(f"{count:,} {kind if count == 1 else plural}{shown}")
    out = [each for each in seen if each.name not in used]
    words += [f"{each.name} left out ({each.left_out or 'always the same'})" for each in out[:3]]
    words += [f"{amount(len(out) - 3, 'more column')} left out"] if len(out) > 3 else []
    gaps = sum(each.gaps + each.odd_count for each in seen if each.name in used)
    words += [f"{amount(gaps, 'gap')} filled"] if gaps else []
    return ", ".join(words) or "no column but the target"


def said_odd(seen: Sequence[Seen]) -> list[str]:
    lines = []
    for each in seen:
        if each.odd_count:
            row, value = each.odd[0]
            lines.append(
                f"{each.name}: {amount(each.odd_count, 'gap')} where the value is no {each.kind}, "
                f"such as {value!r} in row {row:,}"
            )
    return lines


def said_target(found: Target, task: str = "classify") -> list[str]:
    """`diagnosis: benign 357, malignant 212 -> classify`"""
    lines = [f"{found.name}: {each}" for each in found.told]
    if found.labels is None:
        low, high, mean = float(found.y.min()), float(found.y.max()), float(found.y.double().mean())
        return [*lines, f"{found.name}: {low:g} to {high:g}, mean {mean:.5g} -> regress"]
    counts = torch.bincount(found.y, minlength=len(found.labels)).tolist()
    pairs = sorted(zip(found.labels, counts, strict=True), key=lambda pair: -pair[1])
    shown = ", ".join(f"{label} {count:,}" for label, count in pairs[:6])
    more = f", … of {len(pairs):,} classes" if len(pairs) > 6 else ""
    return [*lines, f"{found.name}: {shown}{more} -> {task}"]


def twice_in(frame: pl.DataFrame, rows: Sequence[Tensor]) -> dict[str, int]:
    """Held-out part -> its exact duplicates of rows that are trained on: what is measured on them is too good."""
    hashes = torch.tensor(frame.hash_rows(seed=0).cast(int, wrap_numerical=True).to_numpy())
    train = hashes[rows[0]]
    return {name: int(torch.isin(hashes[part], train).sum()) for name, part in zip(PARTS[1:], rows[1:], strict=True)}


def said_twice(twice: dict[str, int], what: str) -> list[str]:
    """`exact duplicates of rows that are trained on: 3 of val; results on them are too good`"""
    held = " and ".join(f"{count:,} of {part}" for part, count in twice.items() if count)
    return [f"exact duplicates of {what} that are trained on: {held}; results on them are too good"] if held else []
