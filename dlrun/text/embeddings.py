"""Word vectors with their words: asked for neighbours, written into a model, read from and written to files.

Files are word2vec text (`word 0.1 0.2 …`, its first line may say how many words and numbers follow, as fastText's does
and GloVe's does not) and `.npy`, with the words beside it, one a line, in a `.txt` of the same name.
"""

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from dlrun.errors import UserError, did_you_mean
from dlrun.terminal.plain import amount

SPACE = "\u2581"  # stands for a space within a word, as in byte pairs; sentencepiece's sign for it


@runtime_checkable
class WordEmbedding(Protocol):
    """A model with a vector for each word of its vocabulary."""

    def word_vectors(self) -> Tensor:
        """(V, D)."""


@runtime_checkable
class PretrainedEmbedding(Protocol):
    """A model that can start from given vectors."""

    def embedding_tables(self) -> list[Tensor]:
        """(V or more, D) each: what they are written into."""


@runtime_checkable
class SubwordEmbedding(Protocol):
    """A model that has vectors for words that it never saw."""

    def oov_vector(self, word: str) -> Tensor | None:
        """(D,), or None for a word that it can't make one for."""


def no_vector(word: str) -> None:
    return None


@dataclass(frozen=True)
class KeyedVectors:
    """`words` and their (V, D) vectors, on the CPU, as they were trained; `nearest` compares directions alone.

    `oov_vector` makes one for a word that is none of them, or answers None. `source` is the run or the file.
    """

    source: str
    words: list[str]
    vectors: Tensor
    oov_vector: Callable[[str], Tensor | None] = no_vector

    @cached_property
    def index(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    def token(self, word: str) -> str:
        """As a word stands in a text: byte pairs have its space with it."""
        return f" {word}" if f" {word}" in self.index else word

    def find(self, word: str) -> Tensor | None:
        """(D,); None for a word that has none."""
        for spelled in (word, word.removeprefix(" ")):
            if (number := self.index.get(spelled)) is not None:
                return self.vectors[number]
        return self.oov_vector(word)

    def vector(self, word: str) -> Tensor:
        """(D,) of length 1; UserError for a word that has none."""
        found = self.find(self.token(word))
        if found is None:
            hint = did_you_mean(word, self.words)
            raise UserError(f"{word} is not in the vocabulary of {len(self.words):,}. {hint}".rstrip())
        return normalize(found, dim=0)

    def nearest(self, query: Tensor, count: int, *, without: Iterable[str]) -> list[tuple[str, float]]:
        """The `count` words with the largest cosine to a (D,) query."""
        cosines = normalize(self.vectors, dim=1) @ normalize(query, dim=0)
        left_out = {self.index[token] for token in map(self.token, without) if token in self.index}
        cosines[list(left_out)] = -torch.inf
        top = cosines.topk(min(count, len(cosines) - len(left_out)))
        found = zip(top.indices.tolist(), top.values.tolist(), strict=True)
        return [(readable(self.words[number]), cosine) for number, cosine in found]

    def write_into(self, tables: list[Tensor], words: Sequence[str]) -> int:
        """Writes them into (V or more, D) tables, word by word -> how many of `words` had one.

        A word that has none keeps the vector it was born with. UserError where no word fits, or the sizes differ.
        """
        embed, given = tables[0].shape[1], self.vectors.shape[1]
        if embed != given:
            raise UserError(f"The vectors of {self.source} have {amount(given, 'number')}. Type model.embed={given}.")
        found = {number: vector for number, word in enumerate(words) if (vector := self.find(word)) is not None}
        if not found:
            raise UserError(f"No word is among those of {self.source}. Pick another one.")
        rows, values = torch.tensor(list(found)), torch.stack(list(found.values()))
        for table in tables:
            table.detach()[rows.to(table.device)] = values.to(table.device)
        return len(found)


def readable(token: str) -> str:
    """A token of byte pairs may hold a part of a character, as lone surrogates: it becomes U+FFFD."""
    return token.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


# files


def read_vectors(path: Path, wanted: Container[str] | None = None) -> KeyedVectors:
    """Those of the `wanted` words alone, or all: of a million few are needed. UserError for a damaged file."""
    try:
        words, rows = read_npy(path) if path.suffix == ".npy" else read_text(path, wanted)
    except FileNotFoundError as error:
        raise UserError(f"There is no file {error.filename}.") from error
    except (OSError, ValueError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UserError(f"{path} can't be read as word vectors: {reason}.") from error
    return KeyedVectors(str(path), words, torch.from_numpy(rows))


def read_npy(path: Path) -> tuple[list[str], np.ndarray]:
    rows = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.dtype.kind != "f" or not rows.size:
        raise ValueError("a (words, numbers) array of floats is expected")
    words = path.with_suffix(".txt").read_text(encoding="utf-8").split("\n")
    words = words[:-1] if words[-1] == "" else words
    if len(words) != len(rows):
        raise ValueError(
            f"{amount(len(rows), 'vector')}, and {amount(len(words), 'word')} in {path.with_suffix('.txt').name}"
        )
    return words, finite(rows.astype(np.float32))


def read_text(path: Path, wanted: Container[str] | None) -> tuple[list[str], np.ndarray]:
    """A line's numbers are read only where its word is `wanted`; of a word that stands there twice the first counts."""
    found: dict[str, np.ndarray] = {}
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        promised, width = header(file)
        line, count = "", 0
        for number, line in enumerate(file, 1 if promised is None else 2):
            word = line.split(" ", 1)[0].replace(SPACE, " ")
            count += 1
            if word in found or not (wanted is None or word in wanted):
                continue
            whole, *numbers = line.rstrip().rsplit(" ", width)
            if len(numbers) != width:
                raise ValueError(f"line {number} has {amount(len(numbers), 'number')} where {width} are expected")
            if whole.replace(SPACE, " ") != word:  # a token of several words, as some of GloVe's are
                continue
            try:
                found[word] = np.array(numbers, dtype=np.float32)
            except ValueError:
                raise ValueError(f"line {number} is no word with {amount(width, 'number')}") from None
    if promised not in (None, count):
        raise ValueError(f"its first line promises {amount(promised, 'word')}, and it has {count:,}")
    if len(line.split()) <= width:
        raise ValueError("it is cut off in its last line")
    rows = np.stack(list(found.values())) if found else np.empty((0, width), np.float32)
    return list(found), finite(rows)


def header(file: IO[str]) -> tuple[int | None, int]:
    """How many words its first line promises, None where it is a word's, and how many numbers each has."""
    first = file.readline(1 << 20).split()
    if len(first) == 2 and all(part.isascii() and part.isdigit() for part in first):
        return int(first[0]), int(first[1])
    file.seek(0)
    if len(first) < 2:
        raise ValueError("its first line is no word with its numbers")
    return None, len(first) - 1


def finite(rows: np.ndarray) -> np.ndarray:
    if not np.isfinite(rows).all():
        raise ValueError("a number in it is not finite")
    return rows


def write_text(file: IO[bytes], given: KeyedVectors) -> None:
    """word2vec text; nine digits give a float32 back exactly."""
    file.write(f"{len(given.words)} {given.vectors.shape[1]}\n".encode())
    for word, row in zip(given.words, given.vectors.tolist(), strict=True):
        spelled = one_line(word).replace(" ", SPACE)
        file.write(f"{spelled} {' '.join(f'{value:.9g}' for value in row)}\n".encode())


def one_line(word: str) -> str:
    """A token may be a line end."""
    return readable(word).replace("\n", SPACE)
