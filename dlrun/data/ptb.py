"""Penn Treebank as prepared by Mikolov: newspaper text in words, 10,000 different ones (book 10.3, 14.4)."""

from __future__ import annotations

import math
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from dlrun.data.base import Data, Split, Vocab
from dlrun.data.chain import Chain

FILE = "ptb.zip"
PARTS = ("train", "valid", "test")
END = "<eos>"
UNKNOWN = "<unk>"
STAND_IN_VERSION = "1"

SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "me")
CHAIN = Chain([first + last for first in SYLLABLES for last in SYLLABLES] + [UNKNOWN], end=0.1)
STAND_IN_BEST: dict[str, float] = {"perplexity": math.exp(CHAIN.entropy)}
"""exp of the entropy rate of the chain that the stand-in's lines are drawn from; its finite val and test part differ
from it by a percent or two."""


def load(folder: Path) -> Data:
    """Three flat streams of words with `<eos>` after each line; text i of a part is its line i, `<eos>` included.

    The words are numbered from the most to the least frequent in the training part.
    """
    with zipfile.ZipFile(folder / FILE) as archive:
        texts = [archive.read(f"ptb/ptb.{part}.txt").decode("utf-8") for part in PARTS]
    streams = [text.replace("\n", f" {END} ").split() for text in texts]
    frequency = Counter(streams[0])
    tokens = sorted(frequency, key=lambda token: (-frequency[token], token))
    vocab = Vocab(tokens, level="word", unknown=tokens.index(UNKNOWN) if UNKNOWN in frequency else None)
    train, val, test = (lines(stream, vocab) for stream in streams)
    return Data(train, val, test, {"vocab_size": len(vocab)}, vocab=vocab)


def lines(stream: list[str], vocab: Vocab) -> Split:
    """x (tokens,) int64 and where each line begins."""
    x = torch.from_numpy(np.array(vocab.encode(stream), dtype=np.int64))
    ends = (x == vocab.index[END]).nonzero().flatten() + 1
    return Split(x, offsets=torch.cat([torch.zeros(1, dtype=torch.int64), ends]))


def write_stand_in(folder: Path) -> None:
    with zipfile.ZipFile(folder / FILE, "w", zipfile.ZIP_DEFLATED) as archive:
        for seed, (part, count) in enumerate(zip(PARTS, (3000, 500, 500), strict=True)):
            text = "".join(f" {' '.join(line)} \n" for line in CHAIN.lines(count, seed=seed))
            archive.writestr(zipfile.ZipInfo(f"ptb/ptb.{part}.txt"), text, zipfile.ZIP_DEFLATED)
