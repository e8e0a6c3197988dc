"""IMDb: 50,000 film reviews, good or bad (Maas et al. 2011; book 10.7).

They are read straight from the tarball, which is never unpacked; its third part, `unsup/` (no labels), is skipped.
123 texts stand in both train and test upstream, and so they do here.
"""

import io
import random
import tarfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from gzip import GzipFile
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dlrun.data.base import Data, Schema, Split, held_out
from dlrun.errors import DataError, UserError
from dlrun.files import download, transport
from dlrun.files.cache import prepared
from dlrun.files.reading import Limited, reading
from dlrun.files.stand_ins import StandIn
from dlrun.limits import Fraction, PositiveInt
from dlrun.text.vocab import Tokenization, Vocab, check, check_known

FILE = "aclImdb_v1.tar.gz"
LABELS = ("negative", "positive")
FOLDERS = {"neg": 0, "pos": 1}
PAD, UNKNOWN = "<pad>", "<unk>"
LARGEST = 600_000_000  # bytes unpacked; upstream's tarball, of 100,000 reviews, has some 300 million
MOST_MEMBERS = 110_000
LONGEST = 1_000_000  # bytes of a review; the longest has 14,000
READER_VERSION = 2  # to be raised with every change that makes other tensors of the same file
FLIPPED = 10  # every tenth label of the stand-in is wrong


def load(
    folder: Path,
    *,
    tokenizer: Tokenization,
    vocab_size: PositiveInt | None,
    min_freq: PositiveInt,
    max_vocab: PositiveInt | None,
    val: Fraction,
    seed: int,
) -> Data:
    """x is one flat (tokens,) int32 tensor with offsets, y (N,) int64: 0 negative, 1 positive.

    `val` is held out of the training part, as many of each class, before the vocabulary is made from what is left:
    the `max_vocab` most frequent words or characters of those that occur `min_freq` times. 0 is `<pad>`, 1 `<unk>`;
    among byte pairs nothing is unknown.
    """
    check(tokenizer, vocab_size, (PAD,))
    if tokenizer == "bpe" and max_vocab is not None:
        raise UserError("data.max_vocab is for words and characters. Type data.vocab_size=… alone.")
    make = partial(
        prepare,
        folder / FILE,
        tokenizer=tokenizer,
        vocab_size=vocab_size,
        min_freq=min_freq,
        max_vocab=max_vocab,
        val=val,
        seed=seed,
    )
    key = {"file": download.digest(folder / FILE), "reader": READER_VERSION, **make.keywords}
    made = prepared("imdb", key, make)
    vocab = Vocab.from_json(made["vocab"])
    train, val_split, test = (
        Split(made[f"{part}_x"], made[f"{part}_y"], made[f"{part}_offsets"]) for part in ("train", "val", "test")
    )
    sizes = {"vocab_size": len(vocab), "outputs": len(LABELS)}
    schema = Schema(sizes, "text", "class", vocab=vocab, labels=LABELS)
    return Data(train, val_split if len(val_split) else None, test, schema)


# from the tarball to tensors; done once for each setting


class Review(NamedTuple):
    part: str  # "train" or "test"
    label: int
    name: str  # <id>_<rating>.txt
    text: str


def reviews(path: Path) -> Iterator[Review]:
    """In the order of the tarball: 7 s on a slow core; what is made of it takes 18 s more, of byte pairs 80 s.

    As a stream: nothing is looked for, nothing unpacked, no name leads anywhere, and links and devices are passed by.
    """
    with (
        reading(path),
        transport.opened(path) as packed,
        GzipFile(fileobj=packed) as unpacked,
        tarfile.open(fileobj=BufferedReader(Limited(unpacked, LARGEST), 1 << 20), mode="r|") as archive,
    ):
        for number, member in enumerate(archive):
            archive.members = []  # type: ignore[attr-defined]  # it would keep each of them
            if number > MOST_MEMBERS:
                raise ValueError(f"it holds more than {MOST_MEMBERS:,} files")
            where = member.name.split("/")
            if len(where) == 4 and where[1] in ("train", "test") and where[2] in FOLDERS and member.isreg():
                if member.size > LONGEST:
                    raise ValueError(f"a review has {member.size:,} bytes")
                file = archive.extractfile(member)
                assert file is not None
                yield Review(where[1], FOLDERS[where[2]], where[3], file.read().decode("utf-8"))


def prepare(
    path: Path,
    *,
    tokenizer: Tokenization,
    vocab_size: int | None,
    min_freq: int,
    max_vocab: int | None,
    val: float,
    seed: int,
) -> dict[str, object]:
    """The texts, some 65 MB, are in memory all at once, as a vocabulary is made of them before any is numbered."""
    parts = held_apart(path, val, seed)
    texts = [review.text for review in parts["train"]]
    vocab = vocabulary(texts, tokenizer, vocab_size, min_freq, max_vocab, words="review")
    made: dict[str, object] = {"vocab": vocab.to_json()}
    for part, found in parts.items():
        made[f"{part}_x"], made[f"{part}_offsets"] = flat([review.text for review in found], vocab)
        made[f"{part}_y"] = torch.tensor([review.label for review in found], dtype=torch.int64)
    return made


def vocabulary(
    texts: Sequence[str],
    tokenizer: Tokenization,
    vocab_size: int | None,
    min_freq: int,
    max_vocab: int | None,
    *,
    words: str,
) -> Vocab:
    """Of texts that are padded; `words` names the normalizer by which they are split into words."""
    if vocab_size is not None:
        return Vocab.learn(texts, vocab_size=vocab_size, special_tokens=[PAD], min_freq=min_freq)
    vocab = Vocab.count(
        texts,
        tokenization=tokenizer,
        normalizer=words if tokenizer == "word" else None,
        first=[PAD, UNKNOWN],
        unknown=UNKNOWN,
        min_freq=min_freq,
        max_size=max_vocab,
    )
    check_known(vocab, len((PAD, UNKNOWN)), min_freq)
    return vocab


def flat(texts: Iterable[str], vocab: Vocab) -> tuple[Tensor, Tensor]:
    """(tokens,) int32 of all texts, and (texts + 1,) offsets; one without a token becomes an unknown one."""
    numbers = [array("i", ids or [vocab.unknown or 0]) for ids in vocab.ids_of(texts)]
    x = np.concatenate([np.empty(0, np.intc), *(np.frombuffer(ids, dtype=np.intc) for ids in numbers)])
    return torch.from_numpy(x), torch.tensor([0, *map(len, numbers)]).cumsum(0)


def held_apart(path: Path, val: float, seed: int) -> dict[str, list[Review]]:
    """The three parts, each in one order however the tarball is sorted."""
    found = sorted(reviews(path), key=lambda review: review[:3])
    if len({review[:2] for review in found}) < 2 * len(LABELS):
        raise DataError(f"{path} can't be read: it lacks reviews, bad or good, to train on or to test on.")
    train, test = ([review for review in found if review.part == part] for part in ("train", "test"))
    labels = torch.tensor([review.label for review in train])
    draw = torch.Generator().manual_seed(seed)
    kept, held = [], []
    for label in range(len(LABELS)):
        rows = (labels == label).nonzero().flatten()
        left, out, _ = held_out(rows[torch.randperm(len(rows), generator=draw)], val)
        kept.append(left)
        held.append(out)
    kept_rows, held_rows = (torch.cat(rows).sort().values.tolist() for rows in (kept, held))
    return {"train": [train[row] for row in kept_rows], "val": [train[row] for row in held_rows], "test": test}


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


STAND_IN = StandIn("1", write_stand_in, {"accuracy": 1 - 1 / FLIPPED})
"""Every review has words of its true class only, and exactly every tenth stands in the other class's folder: 0.9."""
