"""Files of the user's own that can't be trained on: what is typed, and the one message that names the file and more."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from wrong_input.driver import Cli, complaint

ROWS = "".join(f"{n % 7},{n * 2.5},w{n % 3}\n" for n in range(40))
TABLE = f"area,price,city\n{ROWS}"


def written(name: str, content: str | bytes) -> Callable[[], object]:
    return lambda: Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())


def one_long_string() -> None:
    """12 GB in a file of some kilobytes: more than 32 bits count."""
    text = pl.select(pl.repeat("y" * 12_000, 1_000_000).alias("a")).with_columns(b=pl.repeat(1, 1_000_000))
    text.write_parquet("x.parquet")


def many_short_strings() -> None:
    pl.select(pl.repeat("yy", 60_000_000).alias("a")).write_parquet("x.parquet")


def nested() -> None:
    pl.DataFrame({"a": [{"x": 1}] * 30, "b": list(range(30))}).write_parquet("x.parquet")


houses = written("houses.csv", TABLE)
WRONG: dict[str, tuple[Callable[[], object], str, str]] = {
    "a pipe": (lambda: os.mkfifo("x.csv"), "data=x.csv data.target=a", "x.csv can't be read: it is not a file."),
    "no target": (
        houses,
        "data=houses.csv",
        "such as data.target=price (the likeliest, by its name). houses.csv has: area, price, city",
    ),
    "a target without its group": (houses, "data=houses.csv target=price", "no key target. Type data.target=price"),
    "no reader": (
        houses,
        "data.path=houses.csv data.target=price",
        "Type data=houses.csv in its place, or one of data",
    ),
    "no ending": (houses, "data=houses", "For data of your own type its path: data=houses.csv or data=flowers/"),
    "a near name": (houses, "data=house.csv", "there is no such file or folder. Did you mean houses.csv?"),
    "a near target": (
        houses,
        "data=houses.csv data.target=prize",
        "houses.csv has no such column. Did you mean price?",
    ),
    "two files, no sweep": (houses, "data=houses.csv,houses.csv data.target=price", "For a sweep over them add -m"),
    "two readers": (
        lambda: (houses(), written("b.txt", "hello")()),
        "-m data=houses.csv,b.txt",
        "are for several readers: data=table, data=text",
    ),
    "two kinds of targets": (
        houses,
        "-m data=houses.csv data.target=price,city",
        "some are classes and others numbers.",
    ),
    "one class": (written("x.csv", "a,b\n1,x\n2,x\n"), "data=x.csv data.target=b", "x.csv: b is always x:"),
    "no value": (written("x.csv", "a,b\n1,\n2,\n"), "data=x.csv data.target=b", "x.csv: b has no value in any row."),
    "no number": (
        written("x.csv", "a,b\n1,2\n2,y\n"),
        "data=x.csv data.target=b task=regress",
        "x.csv: b is to be a number, and row 2 has 'y'.",
    ),
    "JSON": (
        written("x.json", "[]"),
        "data=table data.path=x.json data.target=b",
        "x.json is JSON. A table has an object",
    ),
    "a workbook": (
        written("x.xlsx", b"PK\x03\x04" + bytes(99)),
        "data=table data.path=x.xlsx data.target=b",
        "Save the sheet as CSV.",
    ),
    "one string, a million times": (
        one_long_string,
        "data=x.parquet data.target=b",
        "x.parquet unpacks to 12.0 GB of text",
    ),
    "a bomb of short strings": (many_short_strings, "data=x.parquet data.target=a", "over 200 times as many"),
    "lists and objects": (nested, "data=x.parquet data.target=b", "x.parquet: There is no column to predict b from"),
    "a pickle": (written("x.pt", b"\x80\x04cbuiltins\nprint\n."), "data=x.pt", "x.pt holds more than tensors"),
    "controls in a name": (
        written("x.csv", "a\x1b[31m,b\n1,2\n2,3\n"),
        "data=x.csv data.target=c",
        "Possible: a\\x1b[31m, b.",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_can_not_be_trained_on(name: str, cli: Cli, tmp_path: Path) -> None:
    make, typed, message = WRONG[name]
    make()
    assert not (problem := complaint(cli, typed.split(), message)), problem
