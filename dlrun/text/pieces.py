"""Texts of the user's own as a stream: files of any size and encoding, decoded piece by piece. No torch."""

import codecs
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dlrun.errors import UserError
from dlrun.files import own, transport
from dlrun.text.encodings import encoding_of

HEAD = 8_000_000  # bytes from which an encoding is told
MOST_FILES = 200_000  # of a folder
MOST_CODES = 0x110000  # characters that Unicode has room for


@dataclass(frozen=True)
class Text:
    """A file, or all texts of a folder by name, one after the other. `name` is what a message calls it."""

    name: str
    path: Path
    files: tuple[Path, ...]
    encodings: tuple[str, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        with own.readable(self.path):
            return sum(file.stat().st_size for file in self.files)

    def stamp(self) -> list[object]:
        """What changes when a file does: to be compared before and after several readings."""
        with own.readable(self.path):
            about = [(str(file), file.stat()) for file in self.files]
        return [[name, each.st_size, each.st_mtime_ns] for name, each in about]

    def pieces(self, size: int = 2**20, digest: "hashlib._Hash | None" = None) -> Iterator[str]:
        """The text with line ends as `\\n`, in pieces of about `size` bytes; each file ends a line.

        `digest` is fed the bytes, those of a folder with the names of its files. UserError names the byte that is none
        of the encoding.
        """
        for number, (file, encoding) in enumerate(zip(self.files, self.encodings, strict=True), 1):
            if digest and file != self.path:
                digest.update(f"{file.relative_to(self.path)}\0".encode("utf-8", "surrogateescape"))
            last = ""
            for piece in decoded(file, encoding, size, digest):
                yield piece
                last = piece[-1:] or last
            if number < len(self.files) and last not in ("", "\n"):
                yield "\n"


def find(path: str, key: str, encoding: str | None) -> Text:
    """The text that `key`, such as data.path, names. UserError where there is none or what is there is no text."""
    found = own.there(path, key)
    if found.is_dir():
        files = tuple(texts_below(found))
        if not files:
            raise UserError(f"{key}={path} is a folder without a text: files that end in {', '.join(own.TEXTS)}.")
    else:
        files = (own.file(path, key),)
    return Text(found.name or str(found), found, files, tuple(told(file, encoding) for file in files))


def texts_below(folder: Path) -> list[Path]:
    """Files of a text's suffix, by name; what is hidden is left out."""
    files: list[Path] = []
    others = 0
    with own.readable(folder):
        for place, inner, names in os.walk(folder):
            inner[:] = sorted(each for each in inner if not each.startswith("."))
            there = [name for name in names if name.lower().endswith(own.TEXTS) and not name.startswith(".")]
            files += [path for name in there if (path := Path(place, name)).is_file()]
            others += len(names) - len(there)
            own.check_others(folder, others, len(files), "text")
            if len(files) > MOST_FILES:
                raise UserError(f"{folder} has more than {MOST_FILES:,} texts, which is the most that is read here.")
    return sorted(files)


def told(file: Path, named: str | None) -> str:
    """The name of its encoding, from its first 8 MB."""
    with own.readable(file), transport.opened(file) as opened:
        return encoding_of(opened.read(HEAD), named, str(file))


def decoded(file: Path, encoding: str, size: int, digest: "hashlib._Hash | None") -> Iterator[str]:
    decoder, ends = codecs.getincrementaldecoder(encoding)(), io.IncrementalNewlineDecoder(None, translate=True)
    at = 0
    with own.readable(file), transport.opened(file) as opened:
        while True:
            chunk = opened.read(size)
            if digest:
                digest.update(chunk)
            before = decoder.getstate()[0]
            try:
                piece = ends.decode(decoder.decode(chunk, final=not chunk), final=not chunk)
                piece.encode()
            except UnicodeError as error:
                place = getattr(error, "start", 0) - len(before) if isinstance(error, UnicodeDecodeError) else 0
                raise UserError(
                    f"{file} is not {encoding} text at byte {at + place:,}. Type data.encoding=… to say what it is."
                ) from error
            if piece:
                yield piece
            if not chunk:
                return
            at += len(chunk)


def between(pieces: Iterable[str], start: int, stop: int) -> Iterator[str]:
    """The characters `start` to `stop` of a stream."""
    at = 0
    for piece in pieces:
        if at >= stop:
            return
        if part := piece[max(0, start - at) : stop - at]:
            yield part
        at += len(piece)


def at_spaces(pieces: Iterable[str], longest: int = 2**20) -> Iterator[str]:
    """The same stream, cut where white space begins, so that no word is cut; one of over `longest` characters is.

    Byte pairs of such pieces are those of the whole: none reaches over the beginning of white space.
    """
    rest = ""
    for piece in pieces:
        rest += piece
        words = rest.rsplit(None, 1)
        end = len(words[0]) if len(words) == 2 else 0
        if not end and len(rest) > longest:
            end = len(rest)
        if end:
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def codes(piece: str) -> np.ndarray:
    """(characters,) their numbers."""
    return np.frombuffer(piece.encode("utf-32-le"), dtype="<u4")


def counted(pieces: Iterable[str]) -> np.ndarray:
    """How often each character occurs: 0.4 s for 100 MB, where a Counter takes 6."""
    counts = np.zeros(MOST_CODES, dtype=np.int64)
    for piece in pieces:
        found = np.bincount(codes(piece))
        counts[: len(found)] += found
    return counts
