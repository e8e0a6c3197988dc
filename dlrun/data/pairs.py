"""Pairs of sentences of the user's own: TSV, CSV, JSON Lines or Parquet; the second is written from the first."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from dlrun.data import fr_en, table
from dlrun.data.base import Data, Overview
from dlrun.data.fr_en import Pair
from dlrun.errors import UserError, nearest
from dlrun.files import own
from dlrun.limits import Fraction, PositiveInt
from dlrun.tabular import columns as reading
from dlrun.tabular.read import LARGEST, delimiter_of
from dlrun.tabular.read import read as read_table
from dlrun.terminal.plain import amount
from dlrun.text.encodings import decoded
from dlrun.text.normalizers import sentence
from dlrun.text.vocab import Tokenization, check

TABLES = (".parquet", ".pq", ".jsonl", ".ndjson")
PARTS = ("val", "test")
LONGEST = 100_000  # characters of a sentence
HEADERS = """source target src tgt trg input output question answer original translation sentence1 sentence2
en de fr es it pt nl sv da no fi pl cs ru uk el tr ar he fa hi zh ja ko vi th id la eo
eng deu ger fra fre spa ita por nld swe dan nor fin pol ces rus ukr ell tur ara heb fas hin zho cmn jpn kor
english german french spanish italian portuguese dutch swedish danish norwegian finnish polish czech russian
ukrainian greek turkish arabic hebrew persian hindi chinese japanese korean vietnamese thai latin"""
"""Names of columns, by which a first line that is no pair is told."""
Row = tuple[int, Sequence[str | None]]  # where it stands in the file, and its fields


class Read(NamedTuple):
    """A file's pairs."""

    pairs: list[Pair]
    told: list[str]
    column: str | None  # that has the sentence to translate, where columns have names
    sha256: str


def load(
    *,
    path: str | None,
    source: str | None,
    target: str | None,
    max_pairs: PositiveInt | None,
    tokenizer: Tokenization,
    vocab_size: PositiveInt | None,
    max_words: PositiveInt | None,
    min_freq: PositiveInt,
    val: Fraction,
    test: Fraction,
    val_path: str | None,
    test_path: str | None,
    seed: int,
    task: str,
    encoding: str | None,
) -> Data:
    """x is (N, S), y (N, T) int64: tokens, `<eos>`, and 0 = `<pad>` up to the longest sentence of the part.

    Lines that lack a side, and sentences of more than `max_words` words, are left out. See `fr_en.parallel` for the
    other options. UserError for what can't be read.
    """
    check(tokenizer, vocab_size, fr_en.SPECIAL_TOKENS)
    named = table.files(path, val_path, test_path, "pairs", "")
    places = {key: own.file(name, key) for key, name in named.items()}
    found = {key: pairs_of(place, source, target, max_words, encoding) for key, place in places.items()}
    free = found["data.path"].pairs[:max_pairs]
    held = [found[key].pairs if key in found else [] for key in ("data.val_path", "data.test_path")]
    train, *parts = fr_en.divided(free, 0.0 if held[0] else val, 0.0 if held[1] else test, seed)
    parts = [train, *(cut + more for cut, more in zip(parts, held, strict=True))]
    data = fr_en.of_parts(parts, tokenizer, vocab_size, min_freq, val)
    name, twice = ", ".join(place.name for place in places.values()), twice_in(parts)
    return replace(
        data,
        schema=replace(data.schema, column=found["data.path"].column),
        said=(*said(name, data, found["data.path"].told, task), *said_twice(twice)),
        overview=Overview(examples=tuple(examples(found["data.path"].pairs)), twice=twice),
        sha256=own.by_name((place, found[key].sha256) for key, place in places.items()),
    )


def pairs_of(path: Path, source: str | None, target: str | None, max_words: int | None, encoding: str | None) -> Read:
    """The two columns in words. UserError where most lines are no pairs, and where no sentence is short enough."""
    rows, sha256, told = rows_of(path, encoding)
    rows, places, header = columns(rows, path, source, target)
    told = [" to ".join(header) if header else "no header", *told]
    lacking, pairs, long = [], [], 0
    for number, fields in rows:
        both = [(fields[place] or "").strip() if place < len(fields) else "" for place in places]
        if max(map(len, both)) > LONGEST:
            long += 1
        elif all(words := (sentence(both[0]).split(), sentence(both[1]).split())):
            if max_words is None or max(map(len, words)) <= max_words:
                pairs.append(words)
            else:
                long += 1
        else:
            lacking.append((number, both))
    if lacking and 2 * len(lacking) >= len(rows):
        number, both = lacking[0]
        what = "one sentence" if any(both) else "no sentence"
        raise UserError(
            f"{path}, line {number:,} has {what}: two are expected, with a tab or a comma between them. "
            f"So it is in {len(lacking):,} of {amount(len(rows), 'line')}."
        )
    most = f"{LONGEST:,} characters" if max_words is None else f"data.max_words={max_words}"
    if not pairs:
        what = f"All sentences are longer than {most}" if long else "There is no pair of sentences"
        raise UserError(f"{path}: {what}.")
    told += [f"{len(lacking):,} with one side left out, such as line {lacking[0][0]:,}"] if lacking else []
    told += [f"{long:,} longer than {most} left out"] if long else []
    return Read(pairs, told, header[0] if header else None, sha256)


def rows_of(path: Path, encoding: str | None) -> tuple[list[Row], str, list[str]]:
    """Every line's fields, of a header too, and the file's digest. Between tabs a quotation mark is nothing special."""
    if path.suffix.lower() in TABLES:
        read = read_table(path, encoding)
        frame = read.frame.select(reading.words(read.frame[name]) for name in read.frame.columns)
        first = 1 if path.suffix.lower() in (".jsonl", ".ndjson") else 2
        return [(0, frame.columns), *enumerate(frame.iter_rows(), first)], read.sha256, list(read.told)
    content = own.read(path, LARGEST)
    text, found = decoded(content, encoding, str(path))
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    told = [] if found in ("utf-8", "utf-8-sig") else [f"encoding {found}"]
    if path.suffix.lower() in (".tsv", ".tab") or "\t" in text[: LONGEST * 10]:
        rows: list[Row] = [(at, line.split("\t")) for at, line in enumerate(text.split("\n"), 1) if line.strip()]
        return rows, own.digest(content), told
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter_of(text, path))
    try:
        return [(reader.line_num, row) for row in reader if row], own.digest(content), told
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num:,} can't be read: {error}.") from error


def columns(
    rows: list[Row], path: Path, source: str | None, target: str | None
) -> tuple[list[Row], list[int], list[str] | None]:
    """The rows below the header, if there is one, and the places of the two sentences in each."""
    names = [str(name or "").strip() for name in rows[0][1]]
    typed = {"data.source": source, "data.target": target}
    for key, name in typed.items():
        if name is not None and name not in names:
            raise UserError(f"{key}={name}: {path.name} has no such column. {nearest(name, names)}")
    headed = any(typed.values()) or rows[0][0] == 0 or all(name.lower() in HEADERS.split() for name in names[:2])
    if len(names) < 2:
        raise UserError(
            f"{path}, line {max(rows[0][0], 1):,} has one field: two sentences are expected, "
            "with a tab or a comma between them."
        )
    if headed and len(rows) == 1:
        raise UserError(f"{path} has a header and no row.")
    if source == target and source is not None:
        raise UserError(f"data.source and data.target are one column, {source}. Type two.")
    first = names.index(source) if source is not None else int(target is not None and names.index(target) == 0)
    second = names.index(target) if target is not None else int(first == 0)
    return rows[1:] if headed else rows, [first, second], [names[first], names[second]] if headed else None


def said(name: str, data: Data, told: list[str], task: str) -> tuple[str, ...]:
    """What was read, in two lines."""
    splits = {"train": data.train, "val": data.val, "test": data.test}
    counts = {part: len(split) for part, split in splits.items() if split}
    vocabs = [len(vocab) for vocab in (data.schema.vocab, data.schema.target_vocab) if vocab]
    first = f"reading {name}: {amount(sum(counts.values()), 'pair')}, {vocabs[0]:,} and {vocabs[1]:,} different tokens"
    second = f"pairs: {', '.join(f'{part} {count:,}' for part, count in counts.items())} -> {task}"
    return ", ".join([first, *told]), second


def twice_in(parts: list[list[Pair]]) -> dict[str, int]:
    """Held-out part -> its pairs whose sentence to translate is trained on as well: only named files have such."""
    known = {tuple(source) for source, _ in parts[0]}
    return {
        name: sum(tuple(source) in known for source, _ in part) for name, part in zip(PARTS, parts[1:], strict=True)
    }


def said_twice(twice: dict[str, int]) -> list[str]:
    count = sum(twice.values())
    held = f"{amount(count, 'sentence')} held out"
    return [f"trained on as well: {held}; results on them are too good"] if count else []


def examples(pairs: list[Pair]) -> list[dict[str, str]]:
    """A few pairs in words, as they are read."""
    shown = [[" ".join(side) for side in pairs[at]] for at in reading.evenly(len(pairs))]
    return [{"source": source, "target": target} for source, target in shown]
