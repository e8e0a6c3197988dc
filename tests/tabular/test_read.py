"""Tables from files: every form holds the same, delimiters and headers are told, what is wrong is one message."""

import re
from pathlib import Path

import polars as pl
import pytest
from own_files import house

from dlrun.errors import UserError
from dlrun.tabular import read as reading
from dlrun.tabular.columns import words
from dlrun.tabular.read import delimited_table, read


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def as_words(frame: pl.DataFrame) -> dict[str, list[str | None]]:
    return {name: words(frame[name]).to_list() for name in frame.columns}


def test_all_forms_hold_the_same(houses: Path, tmp_path: Path) -> None:
    frame = pl.read_csv(houses, schema_overrides={"zip": pl.String})
    frame.write_parquet(tmp_path / "houses.parquet")
    frame.write_ndjson(tmp_path / "houses.jsonl")
    frame.write_csv(tmp_path / "houses.tsv", separator="\t")
    frame.write_csv(tmp_path / "bars.csv", separator="|")
    written(tmp_path / "utf16.csv", houses.read_text().encode("utf-16"))
    first = read(houses)
    assert first.told == () and first.frame.height == 200 and first.frame.columns == list(house(0))
    told: dict[str, tuple[str, ...]] = {"houses.parquet": (), "houses.jsonl": (), "houses.tsv": ()}
    for name, said in (told | {"bars.csv": ("delimiter |",), "utf16.csv": ("encoding utf-16",)}).items():
        found = read(tmp_path / name)
        assert as_words(found.frame) == as_words(first.frame) and found.told == said, name
        assert found.sha256 != first.sha256


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),  # decimal commas are none
        ("a|b|c\n1|2|3\n", "|"),
        ("a,b;c,d\n1,2;3,4\n", ","),  # both cut alike: into the more
        ("a\tb\n1\t2\n", "\t"),
        ("alone\n1\n2\n", ","),
        ('"a;b;c",d\n"x;y;z",1\n', ","),
    ],
)
def test_a_delimiter_cuts_each_row_alike(text: str, delimiter: str) -> None:
    assert reading.delimiter_of(text, Path("a.csv")) == delimiter


def test_a_first_row_of_numbers_is_no_header(tmp_path: Path) -> None:
    found = read(written(tmp_path / "a.csv", "1,5;2\n3,5;4\n"))
    assert found.frame.to_dict(as_series=False) == {"column_1": ["1.5", "3.5"], "column_2": ["2", "4"]}
    assert found.told == ("delimiter ;", "no header: columns are named column_1 …", "decimal commas")
    assert read(written(tmp_path / "b.csv", "a,\n1,2\n")).frame.columns == ["a", "column_2"]


def test_commas_stay_where_they_are_not_in_numbers_alone(tmp_path: Path) -> None:
    found = read(written(tmp_path / "a.csv", "x;y\n1,5;a,b\n2;c\n")).frame
    assert found["x"].to_list() == ["1.5", "2"] and found["y"].to_list() == ["a,b", "c"]


def test_gaps_and_empty_lines(tmp_path: Path) -> None:
    found = read(written(tmp_path / "a.csv", "\n\na,b\n1,NA\n\n?,nan\n ,x\n")).frame
    assert found.rows() == [("1", None), (" ", "x")]  # a row of nothing but gaps is an empty line


def test_json_lines_have_words_and_gaps(tmp_path: Path) -> None:
    found = read(written(tmp_path / "a.jsonl", '{"a": 1.50, "b": true}\n\n{"b": "", "c": "é"}\n')).frame
    assert found.to_dict(as_series=False) == {"a": ["1.5", None], "b": ["true", None], "c": [None, "é"]}


def test_a_stream_has_fields_with_a_delimiter() -> None:
    assert delimited_table(b"a\tb\n1\t2\n", Path("-")).frame.rows() == [("1", "2")]


def test_columns_of_lists_are_left_out_of_a_parquet(tmp_path: Path) -> None:
    frame = pl.DataFrame({"a": [1, 2], "b": [[1], [2]], "c": [b"x", b"y"]})
    frame.write_parquet(tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    assert found.frame.columns == ["a"] and found.told == ("b, c left out (no plain values)",)
    frame.select("b").write_parquet(tmp_path / "b.parquet")
    with pytest.raises(UserError, match="b.parquet has no column of plain values."):
        read(tmp_path / "b.parquet")


def test_a_parquet_of_billions_is_refused_by_its_head(tmp_path: Path) -> None:
    pl.select(pl.repeat(True, 400_000_001, dtype=pl.Boolean).alias("a")).write_parquet(tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 1_000_000
    with pytest.raises(UserError, match="400,000,001 rows of 1 columns; 400,000,000 cells are the most"):
        read(tmp_path / "a.parquet")


def test_a_parquet_that_packs_too_well_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it unpacks to more than a size below which that is no matter, here a megabyte."""
    monkeypatch.setattr(reading, "SMALL", 1_000_000)
    for name, count in (("small", 100_000), ("large", 200_000)):
        pl.select(pl.repeat(7, count, dtype=pl.Int64).alias("a")).write_parquet(tmp_path / f"{name}.parquet")
    assert read(tmp_path / "small.parquet").frame.height == 100_000
    with pytest.raises(UserError, match=r"large.parquet has [\d,]+ bytes and unpacks to .* GB, over 200 times as many"):
        read(tmp_path / "large.parquet")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", "a,b\n", "a.csv has a header and no row."),
        ("a.csv", "a,a\n1,2\n", "two columns of the name a."),
        ("a.csv", "a,b\n1,2\n3\n", "a.csv, line 3 has 1 field, and the header has 2."),
        ("a.csv", '\na,b\n"1\n2",2\n3,4,5\n', "a.csv, line 5 has 3 fields, and the header has 2."),
        ("a.csv", "\n \na,b\n1,2\n3\n", "a.csv, line 5 has 1 field, and the header has 2."),
        ("a.csv", b"PK\x03\x04more", "is a workbook or another archive. Save the sheet as CSV."),
        ("a.json", '[{"a": 1}]', "is JSON. A table has an object a line, in a file that ends in .jsonl"),
        ("a.csv", bytes(range(256)) * 10, "is no text in any known encoding"),
        ("a.parquet", b"PAR1garbagePAR1", "is no Parquet file that can be read"),
        ("a.jsonl", '{"a": 1, "b": [2]}\n', "a.jsonl, line 1: b is a list or an object"),
        ("a.jsonl", '{"a": 1}\n\n[1]\n', "a.jsonl, line 3 is no object, such as"),
        ("a.jsonl", '{"a": 1}\n{"a"\n', "a.jsonl, line 2 is no JSON: Expecting ':' delimiter."),
        ("a.jsonl", "[" * 100_000, "a.jsonl, line 1 is no JSON: "),
    ],
)
def test_a_file_that_is_no_table(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)) as error:
        read(written(tmp_path / name, content))
    assert "\n" not in str(error.value)
