"""A text of the user's own, or a folder of texts: its next token is predicted."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlrun.data import table
from dlrun.data.base import Data, Overview, Schema, Split
from dlrun.errors import UserError
from dlrun.files import own
from dlrun.files.mapped import Facts, Hashed, mapped
from dlrun.files.readahead import ReadAhead, opened
from dlrun.limits import Fraction, PositiveInt
from dlrun.terminal.plain import amount
from dlrun.text import pieces
from dlrun.text.pieces import Text
from dlrun.text.vocab import LARGEST, Tokenization, Vocab, check, check_known

UNKNOWN = "<unk>"
IN_MEMORY = 8_000_000  # bytes of texts that are read anew each time, as int64; larger ones are kept as mapped files
PARTS = ("train", "val", "test")
KEYS = {"data.path": "train", "data.val_path": "val", "data.test_path": "test"}
PIECE = {"char": 2**20, "word": 2**20, "bpe": 2**12}  # bytes; a thousand pieces of byte pairs are in memory at once
READER_VERSION = 1  # to be raised with every change that makes other tokens of the same file


def load(
    *,
    path: str | None,
    tokenizer: Tokenization,
    vocab_size: PositiveInt | None,
    min_freq: PositiveInt | None,
    max_vocab: PositiveInt | None,
    val: Fraction,
    test: Fraction,
    val_path: str | None,
    test_path: str | None,
    task: str,
    encoding: str | None,
) -> Data:
    """One flat stream of tokens, cut by position: training part, `val`, `test` (shares of the characters).

    x is int64; of a text of over 8 MB it is a mapped file of the smallest integers that hold the ids. Characters, words
    and byte pairs are those of the training part, which occur `min_freq` times there; the others are `<unk>`. UserError
    for what can't be read, or is too short for its parts.
    """
    check(tokenizer, vocab_size, ())
    named = table.files(path, val_path, test_path, "text", "(or a folder of texts)")
    texts = {KEYS[key]: pieces.find(name, key, encoding) for key, name in named.items()}
    fractions = {part: share for part, share in (("val", val), ("test", test)) if part not in texts}
    work = Work(texts, fractions, tokenizer, vocab_size, min_freq or (1 if tokenizer == "char" else 2), max_vocab)
    return made(work, task)


@dataclass
class Work:
    """What is done to the texts: read once to count and to digest, once for the vocabulary, once for the tokens."""

    texts: dict[str, Text]
    fractions: dict[str, float]
    tokenizer: Tokenization
    vocab_size: int | None
    min_freq: int
    max_vocab: int | None

    def small(self) -> tuple[Facts, Tensor, None]:
        file = io.BytesIO()
        facts = self.prepare(Hashed(file))
        return facts, torch.from_numpy(np.frombuffer(file.getvalue(), facts["type"]).astype(np.int64)), None

    def large(self) -> tuple[Facts, Tensor, ReadAhead | None]:
        key = {"reader": READER_VERSION, "texts": [[text.stamp(), text.encodings] for text in self.texts.values()]}
        key |= {"fractions": self.fractions, "tokenizer": self.tokenizer, "vocab_size": self.vocab_size}
        key |= {"parts": list(self.texts), "min_freq": self.min_freq, "max_vocab": self.max_vocab}
        name = self.texts["train"].name
        facts, path = mapped("text", key, self.prepare, name)
        ids, read_ahead = opened(path, facts["type"])
        return facts, torch.from_numpy(ids), read_ahead

    def prepare(self, file: Hashed) -> Facts:
        before = [text.stamp() for text in self.texts.values()]
        lengths, different, digests = self.measured()
        vocab = self.vocabulary(lengths)
        check_known(vocab, 1, self.min_freq)
        kind = smallest(len(vocab))
        seen = np.zeros(len(vocab), dtype=bool)
        tokens = [sum(write(file, ids, seen) for ids in self.ids("train", lengths, vocab, kind))]
        tokens += [sum(write(file, ids) for ids in self.ids(part, lengths, vocab, kind)) for part in PARTS[1:]]
        self.check_lengths(tokens)
        self.check_different(seen, vocab)
        if before != [text.stamp() for text in self.texts.values()]:
            raise UserError(f"{self.texts['train'].path} was changed while it was read. Start again.")
        saved = vocab.to_json()
        if len(saved) > LARGEST:
            raise UserError(f"A vocabulary of {len(vocab):,} long words is too large. Type a smaller data.max_vocab=…")
        return {
            "vocab": saved,
            "type": kind,
            "tokens": tokens,
            "characters": sum(lengths.values()),
            "different": different,
            "sha256": digests,
        }

    def measured(self) -> tuple[dict[str, int], int, dict[str, str]]:
        """Characters of each part, how many different ones there are, and digests of the files."""
        lengths, digests = dict.fromkeys(PARTS, 0), []
        counts = np.zeros(pieces.MOST_CODES, dtype=np.int64)
        for part, text in self.texts.items():
            digest = hashlib.sha256()
            found = pieces.counted(text.pieces(digest=digest))
            if not found.sum() - found[[ord(char) for char in "\0 \t\r\n\ufeff"]].sum():
                raise UserError(f"{text.path} is empty.")
            counts += found
            lengths[part] = int(found.sum())
            digests.append((text.path, digest.hexdigest()))
        whole = lengths["train"]
        for part, share in self.fractions.items():
            lengths[part] = round(whole * share)
            lengths["train"] -= lengths[part]
        if lengths["train"] < 1:
            raise UserError("data.val and data.test leave nothing to train on. Type smaller ones.")
        return lengths, int((counts > 0).sum()), own.by_name(digests)

    def part(self, name: str, lengths: dict[str, int]) -> Iterator[str]:
        """A part's characters."""
        size = PIECE[self.tokenizer]
        if name in self.texts and name != "train":
            found = self.texts[name].pieces(size)
        else:
            before = (each for each in PARTS[: PARTS.index(name)] if each == "train" or each in self.fractions)
            start = sum(lengths[each] for each in before)
            found = pieces.between(self.texts["train"].pieces(size), start, start + lengths[name])
        return found if self.tokenizer == "char" else pieces.at_spaces(found)

    def vocabulary(self, lengths: dict[str, int]) -> Vocab:
        stream = self.part("train", lengths)
        if self.vocab_size is not None:
            return Vocab.learn(stream, vocab_size=self.vocab_size, min_freq=self.min_freq)
        if self.tokenizer == "char":
            counts = pieces.counted(stream)
            kept = np.flatnonzero(counts >= self.min_freq)
            kept = kept[np.argsort(-counts[kept], kind="stable")][: self.max_vocab]
            return Vocab([UNKNOWN, *map(chr, kept.tolist())], tokenization="char", unknown=UNKNOWN)
        return Vocab.count(
            stream,
            tokenization="word",
            normalizer="prose",
            first=[UNKNOWN],
            unknown=UNKNOWN,
            min_freq=self.min_freq,
            max_size=self.max_vocab,
        )

    def ids(self, name: str, lengths: dict[str, int], vocab: Vocab, kind: str) -> Iterator[np.ndarray]:
        """A part's tokens, piece by piece."""
        stream = self.part(name, lengths)
        if self.tokenizer == "char":
            table = np.full(pieces.MOST_CODES, vocab.unknown, dtype=kind)
            table[[ord(char) for char in vocab.tokens if len(char) == 1]] = [
                number for number, char in enumerate(vocab.tokens) if len(char) == 1
            ]
            return (table[pieces.codes(piece)] for piece in stream)
        return (np.array(ids, dtype=kind) for ids in vocab.ids_of(stream))

    def check_lengths(self, tokens: list[int]) -> None:
        """UserError for a part in which no token follows another."""
        wanted = ["train", *(part for part in PARTS[1:] if self.fractions.get(part) or part in self.texts)]
        for part, count in zip(PARTS, tokens, strict=True):
            if part in wanted and count < 2:
                path = self.texts[part if part in self.texts else "train"].path
                none = "" if sum(tokens) < 2 or wanted == ["train"] else ", or hold nothing out: data.val=0 data.test=0"
                raise UserError(
                    f"{path} is too short: it leaves {amount(count, 'token')} for {part}; 2 are the least. "
                    f"Take a longer text{none}"
                )

    def check_different(self, seen: np.ndarray, vocab: Vocab) -> None:
        """UserError for a training part of one token again and again; `seen` is True at those that it has."""
        if seen.sum() > 1:
            return
        path, only = self.texts["train"].path, vocab.tokens[int(seen.argmax())]
        raise UserError(f"{path}: the part to train on is {only!r} all over: there is nothing to predict.")


def made(work: Work, task: str) -> Data:
    is_large = sum(text.size for text in work.texts.values()) > IN_MEMORY
    facts, x, read_ahead = work.large() if is_large else work.small()
    vocab = Vocab.from_json(facts["vocab"])
    train, val_split, test_split = (
        Split(part, offsets=torch.tensor([0, len(part)]), mapped=is_large, read_ahead=read_ahead) if len(part) else None
        for part in x.split(facts["tokens"])
    )
    assert train is not None
    return Data(
        train,
        val_split,
        test_split,
        Schema({"vocab_size": len(vocab)}, "text", vocab=vocab),
        note="" if val_split else "data.val=0: nothing is held out to choose by",
        said=said(work.texts, facts, vocab, task),
        sha256=facts["sha256"],
        overview=Overview(examples=tuple({"line": line} for line in lines_of(work.texts["train"]))),
    )


def lines_of(text: Text) -> list[str]:
    """The first few lines that have something in them."""
    begin = next(iter(text.pieces(2**14)), "")
    return [line.strip() for line in begin.split("\n") if line.strip()][:5]


def write(file: Hashed, ids: np.ndarray, seen: np.ndarray | None = None) -> int:
    """How many. In `seen` those that occur become True."""
    file.write(ids)
    if seen is not None:
        seen[ids] = True
    return len(ids)


def smallest(size: int) -> str:
    """The smallest type that holds the ids of a vocabulary; of those that torch counts with."""
    return next((kind for kind in ("uint8", "int16") if size - 1 <= np.iinfo(kind).max), "int32")


def said(texts: dict[str, Text], facts: Facts, vocab: Vocab, task: str) -> tuple[str, ...]:
    """What was read, in two lines."""
    kinds = {"char": "", "word": f", {amount(len(vocab) - 1, 'word')}", "bpe": f", {len(vocab):,} byte pairs"}
    encodings = dict.fromkeys(each for text in texts.values() for each in text.encodings)
    many = sum(len(text.files) for text in texts.values())
    files = f"{many:,} files, " if many > len(texts) else ""
    first = f"reading {', '.join(text.name for text in texts.values())}: {files}"
    first += f"{amount(facts['characters'], 'character')}, "
    first += f"{facts['different']:,} different{kinds[vocab.tokenization]}, {', '.join(encodings)}"
    parts = ", ".join(f"{part} {count:,}" for part, count in zip(PARTS, facts["tokens"], strict=True) if count)
    return first, f"{parts} tokens -> {task}"
