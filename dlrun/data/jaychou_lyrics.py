"""The lyrics of Jay Chou's first ten albums, as characters (book 6.3)."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import torch
from torch import Tensor

from dlrun.data.base import Data, Split, Vocab
from dlrun.data.chain import Chain
from dlrun.data.parts import held_out
from dlrun.limits import Positive, Share

FILE = "jaychou_lyrics.txt.zip"
MEMBER = "jaychou_lyrics.txt"
STAND_IN_VERSION = "1"

CHAIN = Chain("分开不想你我爱的风雨天空海山水月明日星花草树云雪春夏秋冬东南西北上下左右前后大小", end=0.1)
STAND_IN_BEST: dict[str, float] = {"perplexity": math.exp(CHAIN.entropy)}
"""exp of the entropy rate of the chain that the stand-in's lines are drawn from; the few characters of its val and test
part differ from it by a few percent."""


def load(folder: Path, *, max_chars: Positive | None, val: Share, test: Share) -> Data:
    """One flat stream of characters, cut by position: training part, `val`, `test` (shares of the whole).

    The alphabet is that of the whole text: characters are given, not learned, and so none is ever unknown.
    `max_chars` is the book's way: only the first so many characters, all of them to train on, nothing held out.
    """
    text = read(folder / FILE)[:max_chars]
    vocab = Vocab(sorted(set(text)), level="char")
    x = torch.tensor(vocab.encode(text))
    sizes = {"vocab_size": len(vocab)}
    if max_chars is not None:
        note = f"data.max_chars={max_chars}: all {len(x):,} characters are trained on, nothing is held out"
        return Data(stream(x), None, None, sizes, vocab=vocab, note=note)
    train, *rest = (stream(part) for part in held_out(x, val, test))
    val_split, test_split = (part if len(part.x) else None for part in rest)
    return Data(train, val_split, test_split, sizes, vocab=vocab)


def read(path: Path) -> str:
    """The text with its line ends as spaces."""
    with zipfile.ZipFile(path) as archive:
        return archive.read(MEMBER).decode("utf-8").replace("\n", " ").replace("\r", " ")


def stream(x: Tensor) -> Split:
    """One text of (characters,) int64."""
    return Split(x, offsets=torch.tensor([0, len(x)]))


def write_stand_in(folder: Path) -> None:
    text = "\n".join("".join(line) for line in CHAIN.lines(3000, seed=0))
    with zipfile.ZipFile(folder / FILE, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(MEMBER), text, zipfile.ZIP_DEFLATED)
