"""What `predict` is given -> examples: typed inputs, files with many, folders of pictures or texts, a stream.

No torch: it takes as long to import as ten thousand rows take to read.
"""

from __future__ import annotations

import codecs
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
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
PIECE = 2**20  # bytes of a table on a stream that are read as one
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # an encoding in which no line ends where its bytes seem to say so
JSON_LINES = (".jsonl", ".ndjson")
BLANK = b"\xef\xbb\xbf \t\r"  # what may stand before a stream's first word: a byte order mark, too
AT_ONCE = {"table": 4096, "image": 64, "text": 64}  # examples that a model is given together


class Given(NamedTuple):
    """An example or why it can't be read, where it stands, and what is written beside its answer."""

    where: str
    example: str | dict[str, object] | UserError
    row: dict[str, object]


# What is typed may be a text of any length, of which Path.is_file and is_dir would say that no file has such a name.


def many(name: str) -> bool:
    """Whether an input that was typed stands for several examples."""
    return name == "-" or is_folder(name) or is_file(name, TABLES)


def is_folder(name: str) -> bool:
    return bool(name) and os.path.isdir(os.path.expanduser(name))


def is_file(name: str, suffixes: tuple[str, ...]) -> bool:
    return name.lower().endswith(suffixes) and os.path.isfile(os.path.expanduser(name))


def chunks(inputs: Sequence[str], schema: Schema) -> Iterator[list[Given]]:
    """All examples, in order, as many together as a model is given at once. A stream's are handed on as they come."""
    size = AT_ONCE.get(schema.inputs, 64)
    for name in inputs:
        for found in of_input(name, schema):
            for begin in range(0, len(found), size):
                yield found[begin : begin + size]


def of_input(name: str, schema: Schema) -> Iterator[list[Given]]:
    path = Path(os.path.expanduser(name))
    if name == "-":
        yield from of_stream(schema)
    elif is_file(name, TABLES):
        yield of_file(path, schema)
    elif is_folder(name):
        yield from of_folder(path, schema)
    elif schema.inputs in ("text", "pair") and is_file(name, own.TEXTS):
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


def of_table(table: Table, folder: Path, schema: Schema, done: int = 0) -> list[Given]:
    """A row each; `done` were there before. Pictures' files are found beside the table."""
    import polars as pl

    from dlrun.tabular.columns import words

    frame = table.frame.with_columns(words(table.frame[name]).alias(name) for name in table.frame.columns)
    rows = frame.select(pl.all()).to_dicts()
    for name in columns_asked(table, schema):
        if name not in frame.columns:
            raise UserError(f"{table.path} has no column {name}. {nearest(name, frame.columns)}")
    return [
        Given(f"{table.path}, row {place:,}", beside(row, folder, schema), row)
        for place, row in enumerate(rows, done + 1)
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


def of_folder(path: Path, schema: Schema) -> Iterator[list[Given]]:
    """Each picture, or each text, below a folder, in the order of their names; texts are read as they are needed."""
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
    as_is, size = schema.inputs == "image", AT_ONCE[schema.inputs]
    for begin in range(0, len(found), size):
        some = found[begin : begin + size]
        yield [Given(str(each), str(each) if as_is else readable(each), {"input": str(each)}) for each in some]


def readable(path: Path) -> str | UserError:
    try:
        return text_of(path)
    except UserError as error:
        return error


def text_of(path: Path) -> str:
    return decoded(own.read(path, LARGEST_TEXT), None, str(path))[0]


def of_stream(schema: Schema) -> Iterator[list[Given]]:
    """Standard input: JSON Lines and lines of text, handed on as they come, or a table with its header, in pieces."""
    count, begun = 0, False
    blocks = line_blocks(sys.stdin.buffer.fileno())
    for lines in blocks:
        first = next((line for line in lines if line.strip()), None)
        if first and not begun and schema.columns is not None and not first.lstrip(BLANK).startswith(b"{"):
            yield from of_table_stream(chain([lines], blocks), schema)
            return
        begun = begun or bool(first)
        found = []
        for line in lines:
            count += 1
            if each := of_bytes(line, f"standard input, line {count:,}"):
                found.append(each)
        if found:
            yield found


def of_bytes(line: bytes, where: str) -> Given | None:
    """None for an empty line."""
    try:
        text = decoded(line, None, where)[0].strip("\ufeff \t\r") if line.strip() else ""
    except UserError:
        error = UserError(f"{where} is no text in any known encoding.")
        return Given(where, error, {"input": line.decode("utf-8", "backslashreplace")})
    return of_line(text, where) if text else None


def of_table_stream(blocks: Iterator[list[bytes]], schema: Schema) -> Iterator[list[Given]]:
    """A table of any length: pieces of it, each with the header, and cut between two rows."""
    head, lines, size, quotes, done = list[bytes](), list[bytes](), 0, 0, 0
    for block in blocks:
        lines += block
        size += sum(map(len, block)) + len(block)
        quotes += sum(line.count(b'"') for line in block)
        if size >= PIECE and quotes % 2 == 0 and (done or can_be_cut(lines)):
            yield (found := piece_of(head + lines, done, schema))
            head = head if done else header_of(lines)
            lines, size, done = [], 0, done + len(found)
    if any(line.strip() for line in lines):
        yield piece_of(head + lines, done, schema)


def can_be_cut(lines: Sequence[bytes]) -> bool:
    """Not in an encoding in which a line ends elsewhere, and not where the header has several lines."""
    return not lines[0].startswith(WIDE) and next(line for line in lines if line.strip()).count(b'"') % 2 == 0


def piece_of(lines: Sequence[bytes], done: int, schema: Schema) -> list[Given]:
    from dlrun.tabular.read import delimited_table

    try:
        return of_table(delimited_table(b"\n".join(lines), Path("standard input")), Path(), schema, done)
    except UserError as error:
        raise UserError(f"{error} This is behind row {done:,}.") if done else error from error


def header_of(lines: Sequence[bytes]) -> list[bytes]:
    """The first line that says something; none where it has numbers alone, and columns therefore no names."""
    first = next(line for line in lines if line.strip())
    return [] if re.fullmatch(rb"[-+.\d\seE;|,]*", first) else [first]


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
    parts, size = list[bytes](), 0  # of the line that has not ended yet
    while block := os.read(handle, BLOCK):
        *lines, rest = block.split(b"\n")
        if lines:
            lines[0] = b"".join([*parts, lines[0]])
            parts, size = [], 0
            yield lines
        parts.append(rest)
        size += len(rest)
        if size > LARGEST_TEXT:
            raise UserError(
                f"A line of standard input has more than {LARGEST_TEXT:,} bytes, the most that is read here."
            )
    if size:
        yield [b"".join(parts)]
