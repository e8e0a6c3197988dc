"""A file with a table -> a polars frame: CSV, TSV, Parquet, JSON Lines. What is wrong is one message with file and row.

CSV is read as words alone; `columns` says what they are. polars is imported here and in `columns` only.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.errors import UserError
from dlrun.files import own
from dlrun.terminal.plain import amount
from dlrun.text.encodings import decoded

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".csv", ".tsv", ".tab", ".parquet", ".pq", ".jsonl", ".ndjson")
LARGEST = 2**32  # bytes of a file: a table is read whole
MOST_CELLS = 400_000_000  # of it: 3 GB as numbers
MOST_COLUMNS = 100_000
OFFICE = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx, .ods; .xls
GAPS = ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "?"]  # no value
LOOKED_AT = 100  # rows from which the delimiter is told
SMALL = 2**28  # bytes that a Parquet file may unpack to, whatever its own size
MOST_PACKED = 200  # times its own size beyond that: values that are measured do not pack so well, bombs do


@dataclass(frozen=True)
class Table:
    """`frame` has a column for each of the file's. `told`: what a person may want to know of how it was read."""

    path: Path
    frame: pl.DataFrame
    sha256: str
    told: tuple[str, ...] = ()


def read(path: Path, encoding: str | None = None) -> Table:
    """UserError for what is no table, or holds no row."""
    content = own.read(path, LARGEST)
    if content.startswith(OFFICE):
        raise UserError(f"{path} is a workbook or another archive. Save the sheet as CSV.")
    if path.suffix.lower() in (".parquet", ".pq") or content.startswith(b"PAR1"):
        frame, told = parquet(content, path)
    elif path.suffix.lower() in (".jsonl", ".ndjson"):
        frame, told = json_lines(content, path, encoding)
    elif path.suffix.lower() == ".json":
        raise UserError(f"{path} is JSON. A table has an object a line, in a file that ends in .jsonl")
    else:
        frame, told = delimited(content, path, encoding)
    return checked(path, frame, content, told)


def delimited_table(content: bytes, path: Path) -> Table:
    """Of a stream: fields with a delimiter."""
    return checked(path, delimited(content, path, None)[0], content, [])


def checked(path: Path, frame: pl.DataFrame, content: bytes, told: Sequence[str]) -> Table:
    if not frame.height:
        raise UserError(f"{path} has a header and no row.")
    check_cells(frame.height, frame.width, path)
    return Table(path, frame, own.digest(content), tuple(told))


def check_cells(rows: int, columns: int, path: Path) -> None:
    if columns > MOST_COLUMNS:
        raise UserError(f"{path} has {columns:,} columns; {MOST_COLUMNS:,} are the most.")
    if rows * columns > MOST_CELLS:
        raise UserError(f"{path} has {rows:,} rows of {columns:,} columns; {MOST_CELLS:,} cells are the most.")


def parquet(content: bytes, path: Path) -> tuple[pl.DataFrame, list[str]]:
    """What it would unpack to is known before it is: a small file can hold billions of rows."""
    import polars as pl

    try:
        lazy = pl.scan_parquet(io.BytesIO(content))
        rows, columns = lazy.select(pl.len()).collect().item(), lazy.collect_schema()
        check_cells(rows, len(columns), path)
        flat = [name for name, kind in columns.items() if not kind.is_nested() and kind != pl.Binary]
        if not flat:
            raise UserError(f"{path} has no column of plain values.")
        check_unpacked(lazy, rows, {name: columns[name] for name in flat}, len(content), path)
        nested = [name for name in columns if name not in flat]
        more = " …" if len(nested) > 3 else ""
        told = [f"{', '.join(nested[:3])}{more} left out (no plain values)"] if nested else []
        return lazy.select(flat).collect(), told
    except UserError:
        raise
    except BaseException as error:  # polars panics on some broken files, which is no Exception
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise UserError(f"{path} is no Parquet file that can be read ({type(error).__name__}).") from error


def check_unpacked(lazy: pl.LazyFrame, rows: int, columns: dict[str, pl.DataType], packed: int, path: Path) -> None:
    """UserError for a bomb. Lengths of texts are added up without unpacking them: a text may be there once for all."""
    import polars as pl

    names = [name for name, kind in columns.items() if kind == pl.String]
    lengths = [pl.col(name).str.len_bytes().cast(pl.Int64).sum() for name in names]  # 32 bits overflow
    texts = sum(lazy.select(lengths).collect().row(0)) if names else 0
    if texts > LARGEST:
        raise UserError(f"{path} unpacks to {texts / 1e9:,.1f} GB of text; {LARGEST / 1e9:.1f} GB are the most.")
    unpacked = texts + 8 * rows * len(columns)
    if unpacked > max(SMALL, MOST_PACKED * packed):
        raise UserError(
            f"{path} has {packed:,} bytes and unpacks to {unpacked / 1e9:,.1f} GB, over {MOST_PACKED:,} times as many: "
            "it is not read. If it is meant, save it as CSV"
        )


def json_lines(content: bytes, path: Path, encoding: str | None) -> tuple[pl.DataFrame, list[str]]:
    """An object a line, each with plain values; a key that a line lacks is a gap."""
    import polars as pl

    text, _ = decoded(content, encoding, str(path))
    rows = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    values: dict[str, list[str | None]] = {}
    for place, (number, line) in enumerate(rows):
        for key, value in json_object(line, f"{path}, line {number:,}").items():
            column = values.setdefault(key, [])
            column += [None] * (place - len(column))
            column.append(value)
    check_cells(len(rows), len(values), path)
    full = {key: column + [None] * (len(rows) - len(column)) for key, column in values.items()}
    return pl.DataFrame(full, schema=dict.fromkeys(full, pl.String)), []


def json_object(line: str, where: str) -> dict[str, str | None]:
    """Its values as words. UserError for what is no object of plain values."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise UserError(f"{where} is no JSON: {why}.") from error
    if not isinstance(found, dict):
        raise UserError(f'{where} is no object, such as {{"age": 31, "city": "Rome"}}.')
    if nested := next((key for key, value in found.items() if isinstance(value, dict | list)), None):
        raise UserError(f"{where}: {nested} is a list or an object, and a plain value is expected.")
    return {str(key): word(value) for key, value in found.items()}


def word(value: object) -> str | None:
    """A value of JSON as it would stand in a CSV."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


# delimiters


def delimited(content: bytes, path: Path, encoding: str | None) -> tuple[pl.DataFrame, list[str]]:
    import polars as pl

    text, encoding = decoded(content, encoding, str(path))
    text = text.removeprefix("\ufeff")
    blank = text[: len(text) - len(text.lstrip(" \r\n"))].count("\n")  # lines above the first one, as a sheet may have
    text = text.split("\n", blank)[-1]
    delimiter = delimiter_of(text, path)
    names, headed = header(text, delimiter, path)
    check_shape(text, delimiter, len(names), path, blank)
    try:
        frame = pl.read_csv(
            io.BytesIO(text.encode()),
            separator=delimiter,
            has_header=headed,
            new_columns=names,
            infer_schema=False,
            null_values=GAPS,
        )
    except Exception as error:  # its words are about its own options
        raise UserError(f"{path} can't be read as a table ({str(error).splitlines()[0][:100]}).") from error
    frame = frame.filter(~pl.all_horizontal(pl.all().is_null()))  # an empty line
    usual = "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
    told = [] if delimiter == usual else [f"delimiter {shown(delimiter)}"]
    told += [] if encoding in ("utf-8", "utf-8-sig") else [f"encoding {encoding}"]
    told += [] if headed else ["no header: columns are named column_1 …"]
    if delimiter == ";":
        frame, changed = decimal_commas(frame)
        told += ["decimal commas"] if changed else []
    return frame, told


def shown(delimiter: str) -> str:
    return {"\t": "tab", " ": "space"}.get(delimiter, delimiter)


def delimiter_of(text: str, path: Path) -> str:
    """That which cuts the first rows into the most fields, as many in each row; a comma where none does."""
    if path.suffix.lower() in (".tsv", ".tab") and "\t" in text[:10_000]:
        return "\t"
    lines = [line for line in text[:1_000_000].split("\n", LOOKED_AT)[:LOOKED_AT] if line.strip()]
    best, most = ",", 0.0
    for delimiter in (";", "\t", "|", ","):  # 1,5;2,5 has two numbers
        try:
            widths = Counter(map(len, csv.reader(lines, delimiter=delimiter)))
        except csv.Error:
            continue
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        score = count / sum(widths.values()) * (1 + width / 1000)  # alike first, then many
        if width > 1 and score > most:
            best, most = delimiter, score
    return best


def header(text: str, delimiter: str, path: Path) -> tuple[list[str], bool]:
    """The columns' names, and whether the first row has them: it has none where it holds numbers alone."""
    first = next(csv.reader(io.StringIO(text[:10_000_000]), delimiter=delimiter), [])
    if first and all(is_number(each.replace(",", ".", 1)) for each in first):
        return [f"column_{number}" for number in range(1, len(first) + 1)], False
    names = [each.strip() or f"column_{number}" for number, each in enumerate(first, 1)]
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UserError(f"{path} has two columns of the name {twice[0]}. Give each a name of its own.")
    return names, True


def is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def check_shape(text: str, delimiter: str, width: int, path: Path, above: int = 0) -> None:
    """UserError for the first row that has more or fewer fields than the header; `above`: lines that are left out."""
    if '"' not in text:
        rows = ((number, line.count(delimiter) + 1) for number, line in enumerate(text.split("\n"), 1) if line.strip())
        bad = next(((number, count) for number, count in rows if count != width), None)
    else:
        csv.field_size_limit(2**31 - 1)
        reader = csv.reader(io.StringIO(text), delimiter=delimiter)
        try:
            bad = next(((reader.line_num, len(row)) for row in reader if row and len(row) != width), None)
        except csv.Error as error:
            raise UserError(f"{path}, line {above + reader.line_num:,} can't be read: {error}.") from error
    if bad:
        raise UserError(f"{path}, line {above + bad[0]:,} has {amount(bad[1], 'field')}, and the header has {width:,}.")


def decimal_commas(frame: pl.DataFrame) -> tuple[pl.DataFrame, bool]:
    """1,5 -> 1.5 in the columns that hold nothing but such numbers, as many a table with semicolons has them."""
    import polars as pl

    pattern = r"^\s*[+-]?\d*,?\d+\s*$"
    found = frame.select(
        (pl.all().str.contains(pattern).all() & pl.all().str.contains(",", literal=True).any()).name.keep()
    )
    names = [name for name in frame.columns if found[name][0]]
    return frame.with_columns(pl.col(names).str.replace(",", ".", literal=True)) if names else frame, bool(names)
