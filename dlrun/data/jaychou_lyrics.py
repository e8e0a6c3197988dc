"""The lyrics of Jay Chou's first ten albums, as characters (book 6.3)."""

import math
import zipfile
from itertools import accumulate
from pathlib import Path

import torch
from torch import Tensor

from dlrun.data.base import Data, Schema, Split, held_out
from dlrun.files.markov import Chain
from dlrun.files.reading import reading, unzipped
from dlrun.files.stand_ins import StandIn
from dlrun.limits import Fraction, PositiveInt
from dlrun.text.vocab import Tokenization, Vocab, check

FILE = "jaychou_lyrics.txt.zip"
MEMBER = "jaychou_lyrics.txt"
LARGEST = 4_000_000  # bytes unpacked; it has 175,000
UNKNOWN = "<unk>"

CHAIN = Chain("分开不想你我爱的风雨天空海山水月明日星花草树云雪春夏秋冬东南西北上下左右前后大小", end=0.1)


def load(
    folder: Path,
    *,
    tokenizer: Tokenization,
    vocab_size: PositiveInt | None,
    max_chars: PositiveInt | None,
    val: Fraction,
    test: Fraction,
) -> Data:
    """One flat stream of tokens, cut by position: training part, `val`, `test` (fractions of the characters).

    The alphabet is that of the whole text: characters are given, not learned, and so none is ever unknown. Words are
    what stands between two spaces, which is a phrase, as Chinese has none between its words; those that the training
    part lacks are `<unk>`. Byte pairs are learned from the training part.
    `max_chars` is the book's way: only the first so many characters, all of them to train on, nothing held out.
    """
    check(tokenizer, vocab_size, ())
    text = read(folder / FILE)[:max_chars]
    parts = [text] if max_chars is not None else cut(text, val, test)
    vocab = vocabulary(text if tokenizer == "char" else parts[0], tokenizer, vocab_size)
    train, *held = (stream(torch.tensor(vocab.ids(part))) if part else None for part in parts)
    assert train is not None
    schema = Schema({"vocab_size": len(vocab)}, "text", vocab=vocab)
    if max_chars is not None:
        note = f"data.max_chars={max_chars}: all {len(text):,} characters are trained on, nothing is held out"
        return Data(train, None, None, schema, note=note)
    val_split, test_split = held
    return Data(train, val_split, test_split, schema)


def cut(text: str, val: float, test: float) -> list[str]:
    """Its three parts, the same for every tokenizer."""
    lengths = [len(part) for part in held_out(torch.arange(len(text)), val, test)]
    ends = list(accumulate(lengths))
    return [text[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def vocabulary(text: str, tokenizer: Tokenization, vocab_size: int | None) -> Vocab:
    """`text` is what its tokens may be learned from."""
    if vocab_size is not None:
        return Vocab.learn([text], vocab_size=vocab_size, min_freq=2)
    if tokenizer == "char":
        return Vocab(sorted(set(text)), tokenization="char")
    return Vocab.count([text], tokenization="word", first=[UNKNOWN], unknown=UNKNOWN)


def read(path: Path) -> str:
    """The text with its line ends as spaces."""
    with reading(path):
        (text,) = unzipped(path, [MEMBER], LARGEST)
        if not text.strip():
            raise ValueError("it has no text")
    return text.replace("\n", " ").replace("\r", " ")


def stream(x: Tensor) -> Split:
    """One text of (characters,) int64."""
    return Split(x, offsets=torch.tensor([0, len(x)]))


def write_stand_in(folder: Path) -> None:
    text = "\n".join("".join(line) for line in CHAIN.lines(3000, seed=0))
    with zipfile.ZipFile(folder / FILE, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(MEMBER), text, zipfile.ZIP_DEFLATED)


STAND_IN = StandIn("1", write_stand_in, {"perplexity": math.exp(CHAIN.entropy)})
"""exp of the entropy rate of the chain that the stand-in's lines are drawn from; the few characters of its val and test
part differ from it by a few percent."""
