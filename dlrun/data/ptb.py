"""Penn Treebank as prepared by Mikolov: newspaper text, 10,000 different words (book 10.3, 14.4)."""

import math
import re
import zipfile
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from dlrun.data.base import Data, Schema, Split
from dlrun.files import download
from dlrun.files.cache import prepared
from dlrun.files.markov import Chain
from dlrun.files.reading import reading, unzipped
from dlrun.files.stand_ins import StandIn
from dlrun.limits import PositiveInt
from dlrun.text.vocab import Tokenization, Vocab, check

FILE = "ptb.zip"
PARTS = ("train", "valid", "test")
LARGEST = 16_000_000  # bytes of a part unpacked; the training part has 5,101,618
END = "<eos>"
UNKNOWN = "<unk>"
SPECIAL_TOKENS = (END, UNKNOWN)
READER_VERSION = 2  # to be raised with every change that makes other tensors of the same file

SYLLABLES = ("ba", "de", "fi", "go", "ku", "la", "me")
CHAIN = Chain([first + last for first in SYLLABLES for last in SYLLABLES] + [UNKNOWN], end=0.1)


def load(folder: Path, *, tokenizer: Tokenization, vocab_size: PositiveInt | None) -> Data:
    """Three flat int64 streams of tokens, `<eos>` after each line; text i of a part is its line i, `<eos>` included.

    Words and characters are numbered from the most to the least frequent in the training part, which is also all that
    byte pairs are learned from. `<eos>` and `<unk>` are one token each, whatever the tokenizer.
    """
    check(tokenizer, vocab_size, SPECIAL_TOKENS)
    make = partial(prepare, folder / FILE, tokenizer=tokenizer, vocab_size=vocab_size)
    key = {"file": download.digest(folder / FILE), "reader": READER_VERSION, **make.keywords}
    made = prepared("ptb", key, make)
    vocab = Vocab.from_json(made["vocab"])
    train, val, test = (Split(made[part], offsets=line_starts(made[part], vocab.index[END])) for part in PARTS)
    return Data(train, val, test, Schema({"vocab_size": len(vocab)}, "text", vocab=vocab))


def prepare(path: Path, *, tokenizer: Tokenization, vocab_size: int | None) -> dict[str, object]:
    """Takes a second on two cores; five for characters, ten for byte pairs."""
    with reading(path):
        texts = unzipped(path, [f"ptb/ptb.{part}.txt" for part in PARTS], LARGEST)
        words = [text.replace("\n", f" {END} ").split() for text in texts]
        if not all(END in each and len(set(each)) > 1 for each in words):
            raise ValueError("a part of it has no line of words")
        texts = [" ".join(each) for each in words]
        if tokenizer != "word":
            texts = [text.replace(f" {END}", END).replace(f"{END} ", END) for text in texts]
        vocab = vocabulary(texts[0], tokenizer, vocab_size)
        ids = {part: torch.tensor(vocab.ids(text)) for part, text in zip(PARTS, texts, strict=True)}
    return {"vocab": vocab.to_json(), **ids}


def vocabulary(text: str, tokenizer: Tokenization, vocab_size: int | None) -> Vocab:
    if vocab_size is not None:
        lines = re.split("|".join(SPECIAL_TOKENS), text)
        return Vocab.learn(lines, vocab_size=vocab_size, special_tokens=SPECIAL_TOKENS, min_freq=2)
    return Vocab.count(
        [text],
        tokenization=tokenizer,
        normalizer="treebank" if tokenizer == "word" else None,
        special_tokens=SPECIAL_TOKENS,
        unknown=UNKNOWN,
    )


def line_starts(x: Tensor, end: int) -> Tensor:
    """(lines + 1,) where each line begins, and the end of the last."""
    return torch.cat([torch.zeros(1, dtype=torch.int64), (x == end).nonzero().flatten() + 1])


def write_stand_in(folder: Path) -> None:
    with zipfile.ZipFile(folder / FILE, "w", zipfile.ZIP_DEFLATED) as archive:
        for seed, (part, count) in enumerate(zip(PARTS, (3000, 500, 500), strict=True)):
            text = "".join(f" {' '.join(line)} \n" for line in CHAIN.lines(count, seed=seed))
            archive.writestr(zipfile.ZipInfo(f"ptb/ptb.{part}.txt"), text, zipfile.ZIP_DEFLATED)


STAND_IN = StandIn("1", write_stand_in, {"perplexity": math.exp(CHAIN.entropy)})
"""exp of the entropy rate of the chain that the stand-in's lines are drawn from; its finite val and test part differ
from it by a percent or two."""
