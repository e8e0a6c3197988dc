"""Which pictures there are, and the label of each: of a folder with one folder a class, or of a table. No torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.errors import UserError, nearest
from dlrun.files import own
from dlrun.tabular import columns as reading
from dlrun.tabular.read import read
from dlrun.terminal.plain import amount

if TYPE_CHECKING:
    import polars as pl

LABELS = ("label", "class", "target", "category", "y")  # names of the column, where there are several
HOW = (
    "Put those of each class into a folder of its name, or name a table of file and label: data.path=FILE.csv "
    "data.target=COLUMN"
)


@dataclass
class Pictures:
    """N of them. `parts`: 0 where it is to be split, 1 to choose by, 2 held out to the end."""

    names: list[str] = field(default_factory=list)  # below the folder or the table's, for messages and the digest
    paths: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    parts: list[int] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)  # none where none was asked for
    told: list[str] = field(default_factory=list)
    column: str | None = None  # of the files, in a table

    def add(self, more: Pictures) -> None:
        self.column = self.column or more.column
        for name in ("names", "paths", "labels", "parts", "groups", "told"):
            getattr(self, name).extend(getattr(more, name))


def found(
    path: str, key: str, part: int, *, file: str | None, target: str | None, group: str | None, encoding: str | None
) -> Pictures:
    """Those that `key`, such as data.path, names. UserError where there is none, or one without a label."""
    place = own.there(path, key)
    if not place.is_dir():
        return of_table(own.file(path, key), part, file, target, group, encoding)
    for name, given in {"data.file": file, "data.target": target, "data.group": group}.items():
        if given is not None:
            raise UserError(f"{name}={given} names a column of a table, and {key}={path} is a folder.")
    return of_folder(place, part)


def of_folder(folder: Path, part: int) -> Pictures:
    """One folder a class; or such ones in train/, val/ and test/, which then are the parts."""
    inner = own.inner_folders(folder)
    kinds = [own.FOLDERS.get(each.name.lower()) for each in inner]
    if 0 not in kinds or None in kinds:
        return of_classes(folder, inner, folder, part)
    all_of = Pictures()
    for each, kind in zip(inner, kinds, strict=True):
        all_of.add(of_classes(each, own.inner_folders(each), folder, part or kind or 0))
    return all_of


def of_classes(folder: Path, classes: Sequence[Path], root: Path, part: int) -> Pictures:
    all_of, others, empty = Pictures(), 0, []
    above = len(os.path.join(root, ""))
    for each in classes:
        label, before = printable(each.name).strip() or "_", len(all_of.names)
        for path in files_below(each):
            if not path.lower().endswith(own.PICTURES):
                others += 1
                own.check_others(root, others, len(all_of.names), "picture")
                continue
            all_of.names.append(printable(path[above:]))
            all_of.paths.append(path)
            all_of.labels.append(label)
        if len(all_of.names) == before:
            empty.append(label)
    with own.readable(folder):
        beside = sum(each.name.lower().endswith(own.PICTURES) and not each.is_dir() for each in folder.iterdir())
    if not all_of.names:
        if beside:
            raise UserError(f"{folder} has {amount(beside, 'picture')} and no folder for each class. {HOW}")
        raise UserError(f"{folder} has no pictures, such as PNG, JPEG or WebP files. {HOW}")
    all_of.parts = [part] * len(all_of.names)
    all_of.told += [f"{amount(beside, 'picture')} beside the folders left out"] if beside else []
    all_of.told += [f"{amount(others, 'other file')} left out"] if others else []
    all_of.told += [f"{', '.join(empty[:3])}{' …' * (len(empty) > 3)}: no picture"] if empty else []
    return all_of


def files_below(folder: Path) -> Iterator[str]:
    """In order of their names; links to folders are not followed, which could go on for ever."""

    def refuse(error: OSError) -> None:
        raise error

    with own.readable(folder):
        for place, inner, names in os.walk(folder, onerror=refuse):
            inner[:] = sorted(each for each in inner if not each.startswith("."))
            yield from (os.path.join(place, name) for name in sorted(names) if not name.startswith("."))


def printable(name: str) -> str:
    """Bytes that are no UTF-8 as escapes: a checkpoint could not hold them."""
    return name.encode("utf-8", "backslashreplace").decode()


# a table of file and label


def of_table(
    path: Path, part: int, file: str | None, target: str | None, group: str | None, encoding: str | None
) -> Pictures:
    """Paths in it are those below its own folder, unless they are absolute."""
    if path.suffix.lower() in own.PICTURES:
        raise UserError(f"{path} is one picture. {HOW}")
    table = read(path, encoding)
    frame, name = table.frame, path.name
    if odd := next((each for each in frame.columns if each.lower().endswith(own.PICTURES)), None):
        raise UserError(f"{name} has no header: its first row is of {odd}. Put one above it, such as file,label")
    file = a_column(file, file_column(frame), frame, name, "data.file", "Which column has the pictures' files?")
    others = [each for each in frame.columns if each not in (file, group)]
    usual = others if len(others) == 1 else [each for each in others if each.lower() in LABELS]
    told = usual[0] if len(usual) == 1 else None
    target = a_column(target, told, frame, name, "data.target", "Which column is to be predicted?")
    kept = reading.words(frame[file]).is_not_null() & reading.words(frame[target]).is_not_null()
    rows = frame.filter(kept)
    if not len(rows):
        raise UserError(f"{name} has no row with a file and a label.")
    names = [str(each) for each in reading.words(rows[file])]
    groups = []
    if group is not None:
        a_column(group, None, frame, name, "data.group", "")
        groups = reading.words(rows[group]).fill_null("").to_list()
    missing = len(frame) - len(rows)
    return Pictures(
        names,
        [os.path.join(path.parent, each) for each in names],
        labels_in(rows[target]),
        [part] * len(names),
        groups,
        [*table.told, *([f"{amount(missing, 'row')} without a file or label left out"] if missing else [])],
        file,
    )


def labels_in(series: pl.Series) -> list[str]:
    text = reading.words(series)
    return (text.str.replace(r"\.0$", "") if series.dtype.is_float() else text).to_list()


def a_column(typed: str | None, told: str | None, frame: pl.DataFrame, name: str, key: str, question: str) -> str:
    """The column that was typed, or else told; UserError where it is not there."""
    column = told if typed is None else typed
    if column is None:
        raise UserError(f"{question} Type {key}=COLUMN. {name} has: {', '.join(frame.columns[:35])}")
    if column not in frame.columns:
        raise UserError(f"{key}={column}: {name} has no such column. {nearest(column, frame.columns)}")
    return column


def file_column(frame: pl.DataFrame) -> str | None:
    """The first column whose values are mostly names of pictures."""
    pattern = rf"(?i)({'|'.join(each.replace('.', '[.]') for each in own.PICTURES)})$"
    for each in frame.columns:
        text = reading.words(frame[each]).drop_nulls()
        if len(text) and 2 * int(text.str.contains(pattern).sum()) > len(text):
            return each
    return None
