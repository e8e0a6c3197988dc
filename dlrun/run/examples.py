"""What `predict` is given -> examples: typed inputs, files with many, folders of pictures or texts, a stream.

No torch: it takes as long to import as ten thousand rows take to read.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dlrun.config.own_data import TABLES
from dlrun.errors import UserError, nearest
from dlrun.files import own
from dlrun.text.encodings import decoded

if TYPE_CHECKING:
    from dlrun.data.base import Schema
    from dlrun.tabular.read import Table

LARGEST_TEXT = 2**26  # bytes of a file that is one text
BLOCK = 2**16  # bytes that are taken of a stream at once
JSON_LINES = (".jsonl", ".ndjson")
BLANK = b"\xef\xbb\xbf \t\r"  # what may stand before a stream's first word: a byte order mark, too
AT_ONCE = {"table": 4096, "image": 64, "text": 64}  # examples that a model is given together


class Given(NamedTuple):
    """An example, where it stands, and what is written beside its answer."""

    where: str
    example: str | dict[str, object]
    row: dict[str, object]


def many(name: str) -> bool:
    """Whether an input that was typed stands for several examples."""
    path = Path(name)
    return name == "-" or bool(name and path.is_dir()) or (path.suffix.lower() in TABLES and path.is_file())


def chunks(inputs: Sequence[str], schema: Schema) -> Iterator[list[Given]]:
    """All examples, in order, as many together as a model is given at once. A stream's are handed on as they come."""
    size = AT_ONCE.get(schema.inputs, 64)
    for name in inputs:
        for found in of_input(name, schema):
            for begin in range(0, len(found), size):
                yield found[begin : begin + size]


def of_input(name: str, schema: Schema) -> Iterator[list[Given]]:
    path = Path(name).expanduser()
    if name == "-":
        yield from of_stream(schema)
    elif path.suffix.lower() in TABLES and path.is_file():
        yield of_file(path, schema)
    elif name and path.is_dir():
        yield of_folder(path, schema)
    elif schema.inputs in ("text", "pair") and path.suffix.lower() in own.TEXTS and path.is_file():
        text = text_of(path)
        lines = [text] if schema.inputs == "text" else text.splitlines()
        yield [Given(f"{path}, line {place}", line, {"input": line}) for place, line in enumerate(lines, 1)]
    elif schema.columns is not None and path.suffix.lower() in TABLES:
        own.file(name, "INPUT")  # which says what is near
    else:
        yield [Given(name, name, {"input": name})]


def of_file(path: Path, schema: Schema) -> list[Given]:
    """A table's rows. Of JSON Lines that are none, or hold no plain values, the others are answered all the same."""
    from dlrun.tabular.read import read

    try:
        return of_table(read(path), path.parent, schema)
    except UserError:
        if path.suffix.lower() not in JSON_LINES:
            raise
        lines = [(number, line) for number, line in enumerate(text_of(path).splitlines(), 1) if line.strip()]
        found = [of_line(line.strip(), f"{path}, line {number:,}") for number, line in lines]
        if not any(isinstance(each.example, dict) for each in found):
            raise
        return found


def of_table(table: Table, folder: Path, schema: Schema) -> list[Given]:
    """A row each. Pictures' files are found beside the table."""
    import polars as pl

    from dlrun.tabular.columns import words

    frame = table.frame.with_columns(words(table.frame[name]).alias(name) for name in table.frame.columns)
    rows = frame.select(pl.all()).to_dicts()
    for name in columns_asked(table, schema):
        if name not in frame.columns:
            raise UserError(f"{table.path} has no column {name}. {nearest(name, frame.columns)}")
    return [
        Given(f"{table.path}, row {place:,}", beside(row, folder, schema), row) for place, row in enumerate(rows, 1)
    ]


def columns_asked(table: Table, schema: Schema) -> list[str]:
    if schema.columns is not None:
        return [column.name for column in schema.columns]
    if schema.inputs not in ("image", "text"):
        return []
    if schema.column is None and table.frame.width > 1:
        raise UserError(f"{table.path} has {', '.join(table.frame.columns[:35])}. Leave only the column to be read.")
    return [] if schema.column is None else [schema.column]


def beside(row: dict[str, object], folder: Path, schema: Schema) -> dict[str, object]:
    if schema.inputs != "image":
        return row
    return {name: str(folder / value) if isinstance(value, str) else value for name, value in row.items()}


def of_folder(path: Path, schema: Schema) -> list[Given]:
    """Each picture, or each text, below a folder, in the order of their names."""
    if schema.inputs not in ("image", "text"):
        raise UserError(f"{path} is a folder. Type a file, such as one of {', '.join(TABLES[:2])}, or - for a stream.")
    wanted = own.PICTURES if schema.inputs == "image" else own.TEXTS
    with own.readable(path):
        found = sorted(
            Path(folder) / name
            for folder, _, names in os.walk(path)
            for name in names
            if name.lower().endswith(wanted) and not name.startswith(".")
        )
    if not found:
        raise UserError(f"{path} has no file that ends in {', '.join(wanted)}.")
    as_is = schema.inputs == "image"
    return [Given(str(each), str(each) if as_is else text_of(each), {"input": str(each)}) for each in found]


def text_of(path: Path) -> str:
    return decoded(own.read(path, LARGEST_TEXT), None, str(path))[0]


def of_stream(schema: Schema) -> Iterator[list[Given]]:
    """Standard input: JSON Lines, handed on as they come; lines of text; or a whole table with its header."""
    count, begun = 0, False
    blocks = line_blocks(sys.stdin.buffer.fileno())
    for lines in blocks:
        first = next((line for line in lines if line.strip()), None)
        if first and not begun and schema.columns is not None and not first.lstrip(BLANK).startswith(b"{"):
            rest = [line for block in blocks for line in block]
            yield of_table(table_of(b"\n".join([*lines, *rest])), Path(), schema)
            return
        begun = begun or bool(first)
        found = []
        for line in lines:
            count += 1
            where = f"standard input, line {count:,}"
            if text := decoded(line, None, where)[0].strip("\ufeff \t\r") if line.strip() else "":
                found.append(of_line(text, where))
        if found:
            yield found


def table_of(content: bytes) -> Table:
    from dlrun.tabular.read import delimited_table

    return delimited_table(content, Path("standard input"))


def of_line(text: str, where: str) -> Given:
    """An object, a text in quotes, or a text as it is."""
    if text[0] in '{"':
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, dict):
            return Given(where, value, value)
        if isinstance(value, str):
            return Given(where, value, {"input": value})
    return Given(where, text, {"input": text})


def line_blocks(handle: int) -> Iterator[list[bytes]]:
    """Whole lines as they come in: whoever writes one and waits for its answer is answered."""
    left = b""
    while block := os.read(handle, BLOCK):
        *lines, left = (left + block).split(b"\n")
        if lines:
            yield lines
    if left:
        yield [left]
