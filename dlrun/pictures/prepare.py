"""All pictures of a dataset in one memory-mapped file of bytes, decoded once, under $DLRUN_DATA/prepared.

They are known by path, size and times; the digest of their contents is kept with them, so that a start reads none.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import torch

from dlrun import console, memory
from dlrun.errors import UserError
from dlrun.files import cache, download
from dlrun.files.readahead import ReadAhead, opened
from dlrun.pictures import decode
from dlrun.pictures.decode import Facts, Fit, Unreadable
from dlrun.store import kept
from dlrun.terminal.plain import duration

T = TypeVar("T")
READER_VERSION = 1
LARGEST_SIDE = 96  # pixels, unless more are asked for: a step's time grows with their number
MOST_UNREADABLE = 0.05  # share of the pictures that may be left out
TOLD_EVERY = 10.0  # seconds


@dataclass(frozen=True)
class Options:
    side: int | None  # None: told from the pictures
    fit: Fit
    strict: bool


@dataclass(frozen=True)
class Prepared:
    """M of the N pictures, those that can be read."""

    pixels: np.ndarray  # (M, C, H, W) uint8, memory-mapped
    rows: torch.Tensor  # (M,) which of the N each is
    digests: torch.Tensor  # (M, 32) uint8: SHA-256 of the files
    sums: torch.Tensor  # (M, C) int64 of the pixels
    squares: torch.Tensor  # (M, C) int64
    smallest: tuple[int, int]  # height and width of the pictures as they are
    largest: tuple[int, int]
    bad: list[tuple[str, str]]  # name and reason of those that can't be read
    read_ahead: ReadAhead | None  # where they are a file that memory does not hold


def prepared(sources: Sequence[str], names: Sequence[str], paths: Sequence[str], options: Options) -> Prepared:
    """UserError where too many of them can't be read. Where nothing can be kept, they are held in memory.

    `sources`: the folders or tables that name them, the first of which gives the name of what is kept.
    """
    found = kept_or_made(sources, names, paths, options)
    if options.strict and found.bad:
        number = {name: at for at, name in enumerate(names)}
        refuse([(number[name], why) for name, why in found.bad], paths, True)
    return found


def kept_or_made(sources: Sequence[str], names: Sequence[str], paths: Sequence[str], options: Options) -> Prepared:
    settings = {"sources": list(sources), "version": READER_VERSION, "side": options.side, "fit": options.fit}
    name = Path(sources[0]).name
    plain = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)[:40] or "pictures"
    folder = download.data_root() / "prepared" / f"{plain}-{short(settings)}"
    stem = short([list(paths), [stamp(path) for path in paths]])
    if (found := whole(folder, stem)) is not None:
        return found
    with decode.quietly():
        made = Making(name, names, paths, options)
        try:
            download.make_folder(folder)
            with download.lock(folder):
                if (found := whole(folder, stem)) is None:  # unless another process was first
                    kept.clear_temporary(folder)
                    found = keep(folder, stem, made)
        except OSError as error:
            return made.held(f"{folder}: {kept.reason(error)}")
    return found


def refuse(bad: Sequence[tuple[int, str]], paths: Sequence[str], strict: bool) -> None:
    if bad:
        at, why = bad[0]
        more = "data.strict=true leaves none out" if strict else f"At most {MOST_UNREADABLE:.0%} may be left out"
        others = f"; that makes {len(bad):,} of {len(paths):,}" if len(bad) > 1 else ""
        raise UserError(f"{paths[at]} can't be read: {why}{others}. {more}.")


def short(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def stamp(path: str) -> list[int]:
    """What changes when a file does; nobody can set its ctime back."""
    try:
        about = os.stat(path)
    except (OSError, ValueError):
        return []
    return [about.st_size, about.st_mtime_ns, about.st_ctime_ns]


# what is kept: the pixels as they are, and beside them what is known of them


def whole(folder: Path, stem: str) -> Prepared | None:
    """None where they are not there, or damaged: the pixels' digest is remembered while their file's times stay."""
    about, file = cache.whole(folder / f"{stem}.pt"), folder / f"{stem}.pixels"
    try:
        if about is None or download.digest(file) != about["digest"]:
            return None
        values, read_ahead = opened(file, "uint8")
        found = values.reshape(about["shape"])
    except (OSError, ValueError):
        return None
    return as_prepared(found, about, read_ahead)


def as_prepared(found: np.ndarray, about: dict[str, Any], read_ahead: ReadAhead | None = None) -> Prepared:
    names = ("rows", "digests", "sums", "squares", "smallest", "largest", "bad")
    return Prepared(found, **{name: about[name] for name in names}, read_ahead=read_ahead)


def keep(folder: Path, stem: str, made: "Making") -> Prepared:
    """Under the folder's lock. Those of the same pictures as they were before are removed."""
    room = shutil.disk_usage(folder).free
    if made.bytes > room:
        raise OSError(0, f"{memory.gigabytes(made.bytes)} are needed and {memory.gigabytes(room)} free")
    for old in folder.iterdir():
        if old.suffix in (".pt", ".pixels"):
            old.unlink()
    found = hashlib.sha256()

    def write(file: IO[bytes]) -> None:
        for piece in made.pieces():
            file.write(piece.data)
            found.update(piece.data)

    kept.replace(folder, f"{stem}.pixels", write)
    about = {**made.about(), "digest": found.hexdigest()}
    cache.replace(folder / f"{stem}.pt", about)
    if (again := whole(folder, stem)) is None:
        raise OSError(0, "what was written there is not what is read")
    return again


class Making:
    """Looks at all pictures, then decodes them, several at once: Pillow lets other threads run meanwhile."""

    def __init__(self, name: str, names: Sequence[str], paths: Sequence[str], options: Options):
        self.name, self.names, self.paths, self.options = name, names, paths, options
        self.bad: dict[int, str] = {}
        looked = list(self.each(range(len(paths)), lambda at: decode.look(paths[at]), "looking at"))
        self.facts: dict[int, Facts] = {at: facts for at, facts in looked if facts is not None}
        sizes = np.array([(facts.height, facts.width) for facts in self.facts.values()])
        self.smallest, self.largest = (tuple(map(int, each)) for each in (sizes.min(0), sizes.max(0)))
        self.height, self.width = size_of(sizes, options.side)
        self.channels = 1 if all(facts.grey for facts in self.facts.values()) else 3
        self.bytes = len(self.facts) * self.channels * self.height * self.width
        self.rows: list[int] = []
        self.sums: list[np.ndarray] = []
        self.squares: list[np.ndarray] = []

    def each(self, chosen: Sequence[int], do: Callable[[int], T], doing: str) -> Iterator[tuple[int, T | None]]:
        """(number, what is done with it) in order, None for what can't be read."""
        workers = min(8, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
        started = said = time.monotonic()

        def tried(at: int) -> T | Unreadable:
            try:
                return do(at)
            except Unreadable as error:
                return error

        with ThreadPoolExecutor(workers) as pool:
            for start in range(0, len(chosen), 256):
                some = chosen[start : start + 256]
                for at, answer in zip(some, pool.map(tried, some), strict=True):
                    if isinstance(answer, Unreadable):
                        self.bad[at] = str(answer)
                    yield at, None if isinstance(answer, Unreadable) else answer
                self.check()
                now, done = time.monotonic(), start + len(some)
                if now - said > TOLD_EVERY:
                    left = duration((now - started) / done * (len(chosen) - done))
                    console.say(f"{doing} {self.name}: {done:,} of {len(chosen):,} pictures, {left} left")
                    said = now

    def check(self) -> None:
        """UserError as soon as there are too many that can't be read, or any where that is asked for."""
        bad, all_of = len(self.bad), len(self.paths)
        if self.options.strict or bad > MOST_UNREADABLE * all_of:
            refuse(list(self.bad.items()), self.paths, self.options.strict)

    def pieces(self) -> Iterator[np.ndarray]:
        """(n, C, H, W) of all that can be read, in order."""
        self.rows, self.sums, self.squares = [], [], []
        size = self.channels, self.height, self.width

        def pixels(at: int) -> np.ndarray:
            try:
                return decode.pixels(decode.content(self.paths[at]), *size, self.options.fit)
            except FileNotFoundError as error:
                raise Unreadable("it was removed meanwhile") from error

        held: list[np.ndarray] = []
        for at, answer in self.each(list(self.facts), pixels, "preparing"):
            if answer is not None:
                self.rows.append(at)
                held.append(answer)
            if len(held) * answer_bytes(size) >= 2**22 or len(held) == 1024:
                yield self.counted(held)
                held = []
        if held:
            yield self.counted(held)

    def counted(self, held: list[np.ndarray]) -> np.ndarray:
        piece = np.ascontiguousarray(np.stack(held))
        wide = piece.reshape(*piece.shape[:2], -1).astype(np.int64)
        self.sums.append(wide.sum(2))
        self.squares.append((wide * wide).sum(2))
        return piece

    def about(self) -> dict[str, object]:
        digests = np.frombuffer(b"".join(self.facts[at].sha256 for at in self.rows), np.uint8)
        return {
            "shape": [len(self.rows), self.channels, self.height, self.width],
            "rows": torch.tensor(self.rows),
            "digests": torch.tensor(digests).view(-1, 32),
            "sums": torch.from_numpy(np.concatenate(self.sums)),
            "squares": torch.from_numpy(np.concatenate(self.squares)),
            "smallest": self.smallest,
            "largest": self.largest,
            "bad": [(self.names[at], why) for at, why in sorted(self.bad.items())],
        }

    def held(self, why: str) -> Prepared:
        """In memory, where no disk can be had. UserError where that is too small as well."""
        memory.ask_for(self.bytes, f"Nothing can be kept in {why}. {self.name} in memory")
        pixels = np.concatenate(list(self.pieces()))
        return as_prepared(pixels, self.about())


def answer_bytes(size: tuple[int, int, int]) -> int:
    return size[0] * size[1] * size[2]


def size_of(sizes: np.ndarray, side: int | None) -> tuple[int, int]:
    """(N, 2) heights and widths -> those that all are brought to: small ones that are alike stay as they are."""
    if side is not None:
        return side, side
    if (sizes == sizes[0]).all() and sizes[0].min() >= 8 and sizes[0].max() <= LARGEST_SIDE:
        return int(sizes[0][0]), int(sizes[0][1])
    shorter = float(np.median(sizes.min(1)))
    told = min(LARGEST_SIDE, max(8, 8 * round(shorter / 8)))
    return told, told
