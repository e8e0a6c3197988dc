"""Penn Treebank as prepared by Mikolov: newspaper text in words, 10,000 different ones (book 10.3, 14.4)."""

from __future__ import annotations

import math
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlrun.data import files
from dlrun.data.base import Data, Split, Vocab
from dlrun.data.cache import prepared
from dlrun.data.chain import Chain

FILE = "ptb.zip"
PARTS = ("train", "valid", "test")
END = "<eos>"
UNKNOWN = "<unk>"
READER_VERSION = 1  # to be raised with every change that makes other tensors of the same file
STAND_IN_VERSION = "1"

SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "me")
CHAIN = Chain([first + last for first in SYLLABLES for last in SYLLABLES] + [UNKNOWN], end=0.1)
STAND_IN_BEST: dict[str, float] = {"perplexity": math.exp(CHAIN.entropy)}
"""exp of the entropy rate of the chain that the stand-in's lines are drawn from; its finite val and test part differ
from it by a percent or two."""


def load(folder: Path) -> Data:
    """Three flat int64 streams of words with `<eos>` after each line; text i of a part is its line i, `<eos>` included.

    The words are numbered from the most to the least frequent in the training part.
    """
    key = {"file": files.digest(folder / FILE), "reader": READER_VERSION}
    made = prepared("ptb", key, lambda: prepare(folder / FILE))
    tokens = made["vocab"].split("\n")
    vocab = Vocab(tokens, level="word", unknown=tokens.index(UNKNOWN) if UNKNOWN in tokens else None)
    train, val, test = (Split(made[part], offsets=line_starts(made[part], vocab.index[END])) for part in PARTS)
    return Data(train, val, test, {"vocab_size": len(vocab)}, vocab=vocab)


def prepare(path: Path) -> dict[str, Any]:
    """Takes a second on two cores."""
    with zipfile.ZipFile(path) as archive:
        texts = [archive.read(f"ptb/ptb.{part}.txt").decode("utf-8") for part in PARTS]
    streams = [text.replace("\n", f" {END} ").split() for text in texts]
    frequency = Counter(streams[0])
    vocab = Vocab(sorted(frequency, key=lambda token: (-frequency[token], token)), level="word")
    made: dict[str, Any] = {"vocab": "\n".join(vocab.tokens)}
    return made | {part: torch.tensor(vocab.encode(stream)) for part, stream in zip(PARTS, streams, strict=True)}


def line_starts(x: Tensor, end: int) -> Tensor:
    """(lines + 1,) where each line begins, and the end of the last."""
    return torch.cat([torch.zeros(1, dtype=torch.int64), (x == end).nonzero().flatten() + 1])


def write_stand_in(folder: Path) -> None:
    with zipfile.ZipFile(folder / FILE, "w", zipfile.ZIP_DEFLATED) as archive:
        for seed, (part, count) in enumerate(zip(PARTS, (3000, 500, 500), strict=True)):
            text = "".join(f" {' '.join(line)} \n" for line in CHAIN.lines(count, seed=seed))
            archive.writestr(zipfile.ZipInfo(f"ptb/ptb.{part}.txt"), text, zipfile.ZIP_DEFLATED)
