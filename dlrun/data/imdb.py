"""IMDb: 50,000 film reviews, good or bad (Maas et al. 2011; book 10.7).

They are read straight from the tarball, which is never unpacked; its third part, `unsup/` (no labels), is skipped.
123 texts stand in both train and test upstream, and so they do here.
"""

from __future__ import annotations

import io
import random
import string
import tarfile
from array import array
from collections.abc import Iterator
from gzip import GzipFile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dlrun.data import files
from dlrun.data.base import Data, Split, Vocab
from dlrun.data.cache import prepared
from dlrun.data.parts import held_out
from dlrun.limits import Positive, Share

FILE = "aclImdb_v1.tar.gz"
LABELS = ("negative", "positive")
FOLDERS = {"neg": 0, "pos": 1}
PAD, UNKNOWN = "<pad>", "<unk>"
READER_VERSION = 1  # to be raised with every change that makes other tensors of the same file
STAND_IN_VERSION = "1"
FLIPPED = 10  # every tenth label of the stand-in is wrong

STAND_IN_BEST: dict[str, float] = {"accuracy": 1 - 1 / FLIPPED}
"""Every review has words of its true class only, and exactly every tenth stands in the other class's folder: 0.9."""

MARKS = [mark for mark in string.punctuation if mark not in "'_"]


def tokens_of(text: str) -> list[str]:
    """`It's <br />GREAT!` -> it 's great !    Plain replacing takes a quarter of a regular expression's time."""
    text = text.lower().replace("<br />", " ")
    for mark in MARKS:
        text = text.replace(mark, f" {mark} ")
    return text.replace("'", " '").split()


class ReviewVocab(Vocab):
    """Splits a user's sentence the way the reviews were split."""

    def split(self, text: str) -> list[str]:
        return tokens_of(text)


def load(folder: Path, *, min_freq: Positive, max_vocab: Positive | None, val: Share, seed: int) -> Data:
    """x is one flat (words,) int32 tensor with offsets, y (N,) int64: 0 negative, 1 positive.

    `val` is held out of the training part, as many of each class, before the vocabulary is made from what is left:
    the `max_vocab` most frequent words of those that occur `min_freq` times. 0 is `<pad>`, 1 `<unk>`.
    """
    settings: dict[str, Any] = {"min_freq": min_freq, "max_vocab": max_vocab, "val": val, "seed": seed}
    key = {"file": files.digest(folder / FILE), "reader": READER_VERSION, **settings}
    made = prepared("imdb", key, lambda: prepare(folder / FILE, **settings))
    vocab = ReviewVocab(made["vocab"].split("\n"), level="word", unknown=1)
    train, val_split, test = (
        Split(made[f"{part}_x"], made[f"{part}_y"], made[f"{part}_offsets"]) for part in ("train", "val", "test")
    )
    sizes = {"vocab_size": len(vocab), "outputs": len(LABELS)}
    return Data(train, val_split if len(val_split) else None, test, sizes, vocab=vocab, labels=LABELS)


# from the tarball to tensors; done once for each setting


class Review(NamedTuple):
    part: str  # "train" or "test"
    label: int
    name: str  # <id>_<rating>.txt
    text: str


def reviews(path: Path) -> Iterator[Review]:
    """In the order of the tarball: 7 s on a slow core, and as much again for what is made of it."""
    with tarfile.open(path, "r|gz") as archive:  # as a stream: nothing is looked for, nothing unpacked
        for member in archive:
            where = member.name.split("/")
            if len(where) == 4 and where[1] in ("train", "test") and where[2] in FOLDERS and member.isfile():
                file = archive.extractfile(member)
                assert file is not None
                yield Review(where[1], FOLDERS[where[2]], where[3], file.read().decode("utf-8"))


class Numbers(dict[str, int]):
    """Gives each new token the next number."""

    def __missing__(self, token: str) -> int:
        number = self[token] = len(self)
        return number


class Texts(NamedTuple):
    x: Tensor  # (words,)
    offsets: Tensor  # (N + 1,)
    y: Tensor  # (N,)


def prepare(path: Path, *, min_freq: int, max_vocab: int | None, val: float, seed: int) -> dict[str, Any]:
    numbers = Numbers()
    both = read(path, numbers)
    draw = torch.Generator().manual_seed(seed)
    kept, held = [], []
    for label in range(len(LABELS)):
        rows = (both["train"].y == label).nonzero().flatten()
        left, out, _ = held_out(rows[torch.randperm(len(rows), generator=draw)], val)
        kept.append(left)
        held.append(out)
    train, test = chosen(both["train"], torch.cat(kept).sort().values), both["test"]
    parts = {"train": train, "val": chosen(both["train"], torch.cat(held).sort().values), "test": test}
    tokens, table = vocabulary(train.x, list(numbers), min_freq, max_vocab)
    made: dict[str, Any] = {"vocab": "\n".join(tokens)}
    for part, texts in parts.items():
        made |= {f"{part}_x": table[texts.x], f"{part}_offsets": texts.offsets, f"{part}_y": texts.y}
    return made


def read(path: Path, numbers: Numbers) -> dict[str, Texts]:
    """The two parts, their words as `numbers` counts them; sorted by name, since tarballs differ in their order."""
    found: dict[str, list[tuple[int, str, array]]] = {"train": [], "test": []}
    for part, label, name, text in reviews(path):
        words = tokens_of(text) or [UNKNOWN]
        found[part].append((label, name, array("i", map(numbers.__getitem__, words))))
    both = {}
    for part, rows in found.items():
        rows.sort(key=lambda row: row[:2])
        lengths = torch.tensor([0] + [len(ids) for _, _, ids in rows])
        x = torch.from_numpy(np.concatenate([np.frombuffer(ids, dtype=np.intc) for _, _, ids in rows]))
        both[part] = Texts(x, lengths.cumsum(0), torch.tensor([label for label, _, _ in rows]))
    return both


def chosen(texts: Texts, rows: Tensor) -> Texts:
    """Some of the texts, one after the other in a new flat tensor."""
    lengths = (texts.offsets[1:] - texts.offsets[:-1])[rows]
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    where = torch.arange(int(offsets[-1])) + (texts.offsets[rows] - offsets[:-1]).repeat_interleave(lengths)
    return Texts(texts.x[where], offsets, texts.y[rows])


def vocabulary(x: Tensor, words: list[str], min_freq: int, max_vocab: int | None) -> tuple[list[str], Tensor]:
    """The tokens from the most to the least frequent, and (words,) int32: the number each word gets."""
    counts = torch.bincount(x, minlength=len(words)).tolist()
    often = [number for number, count in enumerate(counts) if count >= min_freq and words[number] != UNKNOWN]
    often = sorted(often, key=lambda number: (-counts[number], words[number]))[:max_vocab]
    table = torch.ones(len(words), dtype=torch.int32)
    table[often] = torch.arange(2, 2 + len(often), dtype=torch.int32)
    return [PAD, UNKNOWN, *(words[number] for number in often)], table


# the stand-in

NEUTRAL = "the a film movie story of and with it was this actors scene plot in two hours music camera end"
TELLING = ("awful boring dull weak poor waste worst mess flat bad", "great superb moving funny best lovely rich fine")


def write_stand_in(folder: Path) -> None:
    """2,000 + 1,000 reviews of 20 to 60 words, each with three words or more that tell its true class."""
    draw = random.Random(0)
    with (
        open(folder / FILE, "wb") as out,
        GzipFile("", "wb", fileobj=out, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w|") as archive,
    ):
        add(archive, "aclImdb/train/unsup/0_0.txt", "nobody has said what this one is")
        for part, count in (("train", 2000), ("test", 1000)):
            for number in range(count):
                true = number % 2
                label = 1 - true if number // 2 % FLIPPED == 0 else true
                words = draw.choices(NEUTRAL.split(), k=draw.randint(17, 57)) + draw.choices(TELLING[true].split(), k=3)
                draw.shuffle(words)
                text = f"{' '.join(words).capitalize()}.<br /><br />It's {draw.randint(1, 9)} of 10!"
                name = f"aclImdb/{part}/{'pos' if label else 'neg'}/{number}_{9 if label else 2}.txt"
                add(archive, name, text)


def add(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))
