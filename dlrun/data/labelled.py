"""Texts with labels of the user's own: a table with a column of each, or a folder of text files for each class."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from dlrun.data import table
from dlrun.data.base import Data, Overview, Schema, Split
from dlrun.data.imdb import PAD, flat, vocabulary
from dlrun.errors import UserError
from dlrun.files import own
from dlrun.limits import Fraction, PositiveInt
from dlrun.tabular import columns as reading
from dlrun.tabular import targets
from dlrun.tabular.read import LARGEST, Table, read
from dlrun.terminal.plain import amount, storable
from dlrun.text.encodings import decoded
from dlrun.text.pieces import texts_below
from dlrun.text.vocab import Tokenization, Vocab, check

if TYPE_CHECKING:
    import polars as pl

LONGEST = 1_000_000  # characters of a text: a batch is filled up to its longest one


class Source(NamedTuple):
    """What one path holds."""

    frame: pl.DataFrame  # text, target and, where one is asked for, group: words, null for a gap
    part: Tensor  # (N,) 0 to be split, 1 to choose by, 2 held out to the end
    target: str  # what the labels are called
    column: str | None  # that has the text
    sha256: str
    told: tuple[str, ...] = ()


def load(
    *,
    path: str | None,
    text: str | None,
    target: str | None,
    tokenizer: Tokenization,
    vocab_size: PositiveInt | None,
    min_freq: PositiveInt,
    max_vocab: PositiveInt | None,
    val: Fraction,
    test: Fraction,
    val_path: str | None,
    test_path: str | None,
    group: str | None,
    seed: int,
    task: str,
    encoding: str | None,
) -> Data:
    """x is one flat (tokens,) int32 tensor with offsets, y (N,) int64 numbers of the classes.

    0 is `<pad>`, 1 `<unk>`: what occurs less than `min_freq` times in the training part. Rows without a text or a label
    are left out. `group`: rows of one value in that column stay together. UserError for what can't be read.
    """
    check(tokenizer, vocab_size, (PAD,))
    named = table.files(path, val_path, test_path, "labelled", "data.text=COLUMN data.target=COLUMN")
    places = {key: own.there(name, key) for key, name in named.items()}
    sources = {key: source(place, text, target, group, encoding) for key, place in places.items()}
    name = ", ".join(place.name for place in places.values())
    with own.named(name), advised(places["data.path"], sources["data.path"], encoding):
        frame, part, found, left_out = together(sources)
    rows = table.split(frame, part, found, val, test, seed, group=group and "group", time=None)
    vocab = vocabulary(
        frame["text"][rows[0].tolist()].to_list(), tokenizer, vocab_size, min_freq, max_vocab, words="prose"
    )
    data = made(frame, found, rows, vocab, task, sources["data.path"].column)
    first = ", ".join([f"reading {name}: {data.said[0]}", *left_out, *sources["data.path"].told])
    sha256 = own.by_name((place, sources[key].sha256) for key, place in places.items())
    return replace(data, said=(first, *data.said[1:]), sha256=sha256)


def made(
    frame: pl.DataFrame, found: table.Target, rows: list[Tensor], vocab: Vocab, task: str, column: str | None
) -> Data:
    import polars as pl

    texts = [frame["text"][chosen.tolist()].to_list() for chosen in rows]
    train, val, test = (split_of(some, found.y[chosen], vocab) for some, chosen in zip(texts, rows, strict=True))
    assert train is not None and found.labels is not None
    sizes = {"vocab_size": len(vocab), "outputs": len(found.labels)}
    shown = frame.select(pl.col("text").alias(column or "text"), pl.col("target").alias(found.name))
    twice = table.twice_in(frame.select("text", "target"), rows)
    return Data(
        train,
        val,
        test,
        Schema(sizes, "text", "class", vocab=vocab, labels=found.labels, target=found.name, column=column),
        note="" if val else "data.val=0: nothing is held out to choose by",
        said=(
            said_of(frame, train, vocab),
            *table.said_target(found, task),
            *table.said_twice(twice, "rows"),
        ),
        overview=Overview(examples=tuple(reading.examples(shown)), twice=twice),
    )


# the two forms


def source(place: Path, text: str | None, target: str | None, group: str | None, encoding: str | None) -> Source:
    if not place.is_dir():
        return of_table(read(own.file(str(place), "data.path"), encoding), text, target, group)
    if given := next((key for key, name in (("text", text), ("target", target), ("group", group)) if name), None):
        raise UserError(f"{place} is a folder, and data.{given} names a column of a table. Leave it out.")
    return of_folder(place, encoding)


def of_table(found: Table, text: str | None, target: str | None, group: str | None) -> Source:
    frame, told = found.frame, found.told
    if text is None and target is None and (headed := without_header(frame)) is not None:
        frame, told = headed, (*told, "no header")
        found = Table(found.path, frame, found.sha256)
    text, target = named_column(found, text, target, "text"), named_column(found, target, text, "target")
    if text == target:
        raise UserError(f"data.text and data.target are one column, {text}. Type two.")
    names = {"text": text, "target": target}
    if group is not None:
        names["group"] = table.a_column(group, found, "data.group")
    words = frame.select(reading.words(frame[name]).alias(role) for role, name in names.items())
    return Source(words, torch.zeros(len(words), dtype=torch.int64), target, text, found.sha256, told)


def named_column(found: Table, name: str | None, other: str | None, role: str) -> str:
    """The column that was typed, or that its own name tells, or the other of two."""
    key = f"data.{role}"
    if name is not None:
        return table.a_column(name, found, key)
    names = [each for each in found.frame.columns if each != other]
    known, others = (own.TEXT_COLUMNS, own.LABEL_COLUMNS) if role == "text" else (own.LABEL_COLUMNS, own.TEXT_COLUMNS)
    by_lower = {each.strip().lower(): each for each in names}
    if told := next((by_lower[each] for each in known if each in by_lower), None):
        return told
    rest = [each for each in names if each.strip().lower() not in others]
    if len(found.frame.columns) == 2 and len(rest) == 1:
        return rest[0]
    if len(found.frame.columns) == 2:
        return by_length(found.frame)[role == "target"]
    what = "the text" if role == "text" else "the label"
    listed = ", ".join(found.frame.columns[:35])
    raise UserError(f"Which column of {found.path.name} holds {what}? Type {key}=COLUMN. It has: {listed}")


def by_length(frame: pl.DataFrame) -> list[str]:
    """Columns, those of the longest values first."""
    lengths = {name: reading.words(frame[name]).str.len_chars().mean() or 0 for name in frame.columns}
    return sorted(lengths, key=lambda name: -float(lengths[name]))  # type: ignore[arg-type]


def without_header(frame: pl.DataFrame) -> pl.DataFrame | None:
    """The table of two columns whose first row was taken for their names, though it names a class as later rows do."""
    import polars as pl

    if frame.width != 2 or any(
        name.strip().lower() in (*own.TEXT_COLUMNS, *own.LABEL_COLUMNS) for name in frame.columns
    ):
        return None
    text, target = by_length(frame)
    if target not in reading.words(frame[target]).to_list():
        return None
    first = pl.DataFrame({"text": [text], "label": [target]})
    rest = frame.select(reading.words(frame[text]).alias("text"), reading.words(frame[target]).alias("label"))
    return pl.concat([first, rest])


def of_folder(folder: Path, encoding: str | None) -> Source:
    """FOLDER/CLASS/*.txt, or FOLDER/train/CLASS/*.txt with val/ and test/ beside it."""
    import polars as pl

    inner = own.inner_folders(folder)
    parts = {each: own.FOLDERS[each.name.lower()] for each in inner if each.name.lower() in own.FOLDERS}
    if 0 not in parts.values():
        parts = {folder: 0}
    files = [(file, name, part) for place, part in parts.items() for file, name in labelled_below(place)]
    if not files:
        raise UserError(
            f"{folder} has no texts in one folder for each class, such as {folder.name}/good/1.txt "
            f"(files that end in {', '.join(own.TEXTS)}). For a text without labels type data=text"
        )
    with own.readable(folder):
        if (size := sum(file.stat().st_size for file, _, _ in files)) > LARGEST:
            raise UserError(f"{folder} has {size:,} bytes of texts; {LARGEST:,} are the most that is read here.")
    digest, texts, known = hashlib.sha256(), [], encoding
    for file, _, _ in files:
        with own.readable(file):
            content = file.read_bytes() if file.stat().st_size <= 4 * LONGEST else b""
        if not content and file.stat().st_size:
            raise UserError(f"{file} has {file.stat().st_size:,} bytes; texts have at most {LONGEST:,} characters.")
        digest.update(f"{file.relative_to(folder)}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
        found, known = text_of(content, file, encoding, known)
        texts.append(found.removeprefix("\ufeff").strip() or None)
    columns = {"text": texts, "target": [name for _, name, _ in files]}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    told = () if known in (None, "utf-8", "utf-8-sig") else (f"encoding {known}",)
    return Source(frame, torch.tensor([part for *_, part in files]), "class", None, digest.hexdigest(), told)


def labelled_below(folder: Path) -> Iterator[tuple[Path, str]]:
    for each in own.inner_folders(folder):
        yield from ((file, storable(each.name)) for file in texts_below(each))


def text_of(content: bytes, file: Path, named: str | None, known: str | None) -> tuple[str, str | None]:
    """A file's text, and the encoding to try first for the next: to guess one takes a tenth of a second."""
    marked = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    for encoding in dict.fromkeys(filter(None, ("utf-8", known))) if named is None and not marked else ():
        with suppress(UnicodeDecodeError):
            return content.decode(encoding), known
    return decoded(content, named, str(file))


@contextmanager
def advised(place: Path, of: Source, encoding: str | None) -> Iterator[None]:
    """Around what refuses labels that are too many: which other columns look like labels."""
    try:
        yield
    except targets.NoClasses as error:
        if place.is_dir():
            what = "Put all texts of a class into one folder, or read them without labels: data=text"
        else:  # read again: until here nobody needed the other columns
            but = {of.target, *([of.column] if of.column else [])}
            what = targets.others(read(place, encoding).frame, but)
        raise UserError(f"{error} {what}") from error


def together(sources: dict[str, Source]) -> tuple[pl.DataFrame, Tensor, table.Target, list[str]]:
    """All rows with a text and a label, the part and the class of each, and what is to be said of the others.

    Those of a file to choose by or to test on are of that part whole. UserError where none has a text or a label.
    """
    import polars as pl

    held = {"data.val_path": 1, "data.test_path": 2}
    parts = [torch.full_like(each.part, held[key]) if key in held else each.part for key, each in sources.items()]
    frame, part = pl.concat([each.frame for each in sources.values()]), torch.cat(parts)
    there = frame["text"].is_not_null()
    check_texts(frame["text"])
    missing = (~there).arg_true()
    told = [f"{len(missing):,} without a text left out, such as row {missing[0] + 1:,}"] if len(missing) else []
    frame, part = frame.filter(there), part[torch.tensor(there.to_list())]
    found, kept = table.target_of(frame["target"], sources["data.path"].target, "classify")
    return frame.filter(kept.tolist()), part[kept], found, told


def check_texts(series: pl.Series) -> None:
    """UserError where there is none, or one is too long."""
    if not series.is_not_null().any():
        raise UserError("No row has a text.")
    long = (series.str.len_chars().fill_null(0) > LONGEST).arg_true()
    if len(long):
        characters = len(series[long[0]])
        raise UserError(f"Row {long[0] + 1:,} has a text of {characters:,} characters; {LONGEST:,} are the most.")


# rows -> tokens


def split_of(texts: Sequence[str], y: Tensor, vocab: Vocab) -> Split | None:
    if not texts:
        return None
    x, offsets = flat(texts, vocab)
    return Split(x, y, offsets)


def said_of(frame: pl.DataFrame, train: Split, vocab: Vocab) -> str:
    """2,000 texts of 173 words (median; 954 at most), 11,203 different ones known"""
    assert train.offsets is not None
    lengths = train.offsets.diff()
    unit = {"word": "word", "char": "character", "bpe": "byte pair"}[vocab.tokenization]
    middle, most = int(lengths.median()), int(lengths.max())
    return (
        f"{amount(len(frame), 'text')} of {amount(middle, unit)} (median; {most:,} at most), "
        f"{amount(len(vocab), unit)} in the vocabulary"
    )
