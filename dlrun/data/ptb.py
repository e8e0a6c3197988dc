"""Penn Treebank as prepared by Mikolov: newspaper text, 10,000 different words (book 10.3, 14.4)."""

from __future__ import annotations

import math
import re
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlrun.data import files
from dlrun.data.base import Data, Split, Vocab, characters
from dlrun.data.cache import prepared
from dlrun.data.chain import Chain
from dlrun.data.reading import reading, unzipped
from dlrun.data.schema import Schema
from dlrun.data.tokenizer import BytePairs, Level, check, learn
from dlrun.limits import Positive

FILE = "ptb.zip"
PARTS = ("train", "valid", "test")
LARGEST = 16_000_000  # bytes of a part unpacked; the training part has 5,101,618
END = "<eos>"
UNKNOWN = "<unk>"
MARKS = (END, UNKNOWN)
READER_VERSION = 1  # to be raised with every change that makes other tensors of the same file
STAND_IN_VERSION = "1"

SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "me")
CHAIN = Chain([first + last for first in SYLLABLES for last in SYLLABLES] + [UNKNOWN], end=0.1)
STAND_IN_BEST: dict[str, float] = {"perplexity": math.exp(CHAIN.entropy)}
"""exp of the entropy rate of the chain that the stand-in's lines are drawn from; its finite val and test part differ
from it by a percent or two."""


def load(folder: Path, *, tokenizer: Level, vocab_size: Positive | None) -> Data:
    """Three flat int64 streams of tokens, `<eos>` after each line; text i of a part is its line i, `<eos>` included.

    Words and characters are numbered from the most to the least frequent in the training part, which is also all that
    byte pairs are learned from. `<eos>` and `<unk>` are one token each, whatever the tokenizer.
    """
    check(tokenizer, vocab_size, MARKS)
    settings: dict[str, Any] = {"tokenizer": tokenizer, "vocab_size": vocab_size}
    key = {"file": files.digest(folder / FILE), "reader": READER_VERSION, **settings}
    made = prepared("ptb", key, lambda: prepare(folder / FILE, **settings))
    vocab = BytePairs(made["vocab"]) if tokenizer == "bpe" else vocabulary(made["vocab"].split("\n"), tokenizer)
    train, val, test = (Split(made[part], offsets=line_starts(made[part], vocab.index[END])) for part in PARTS)
    return Data(train, val, test, Schema({"vocab_size": len(vocab)}, "text", vocab=vocab))


def vocabulary(tokens: list[str], tokenizer: Level) -> Vocab:
    unknown = tokens.index(UNKNOWN) if UNKNOWN in tokens else None
    return Vocab(tokens, level=tokenizer, unknown=unknown, marks=MARKS)


def prepare(path: Path, *, tokenizer: Level, vocab_size: int | None) -> dict[str, Any]:
    """Takes a second on two cores; five for characters, ten for byte pairs."""
    with reading(path):
        texts = unzipped(path, [f"ptb/ptb.{part}.txt" for part in PARTS], LARGEST)
        words = [text.replace("\n", f" {END} ").split() for text in texts]
        if not all(END in each and len(set(each)) > 1 for each in words):
            raise ValueError("a part of it has no line of words")
        return numbered(words, tokenizer, vocab_size)


def numbered(words: list[list[str]], tokenizer: Level, vocab_size: int | None) -> dict[str, Any]:
    texts = [" ".join(each).replace(f" {END}", END).replace(f"{END} ", END) for each in words]
    if vocab_size is not None:
        pairs = learn(re.split("|".join(MARKS), texts[0]), vocab_size=vocab_size, marks=MARKS, min_freq=2)
        saved, numbers = pairs.saved, [pairs.ids(text) for text in texts]
    else:
        streams = words if tokenizer == "word" else [characters(text, MARKS) for text in texts]
        frequency = Counter(streams[0])
        vocab = vocabulary(sorted(frequency, key=lambda token: (-frequency[token], token)), tokenizer)
        saved, numbers = "\n".join(vocab.tokens), [vocab.encode(stream) for stream in streams]
    return {"vocab": saved} | {part: torch.tensor(ids) for part, ids in zip(PARTS, numbers, strict=True)}


def line_starts(x: Tensor, end: int) -> Tensor:
    """(lines + 1,) where each line begins, and the end of the last."""
    return torch.cat([torch.zeros(1, dtype=torch.int64), (x == end).nonzero().flatten() + 1])


def write_stand_in(folder: Path) -> None:
    with zipfile.ZipFile(folder / FILE, "w", zipfile.ZIP_DEFLATED) as archive:
        for seed, (part, count) in enumerate(zip(PARTS, (3000, 500, 500), strict=True)):
            text = "".join(f" {' '.join(line)} \n" for line in CHAIN.lines(count, seed=seed))
            archive.writestr(zipfile.ZipInfo(f"ptb/ptb.{part}.txt"), text, zipfile.ZIP_DEFLATED)
