"""Getting a dataset's files. A file counts by its digest alone, wherever it came from. No torch in here.

Reading follows links, which are the user's own; nothing is written through one.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Literal, TypedDict

from dlrun.errors import DataError, UserError
from dlrun.files import transport
from dlrun.files.transport import Failed
from dlrun.store import kept
from dlrun.terminal.plain import amount

Progress = Callable[[str, int, int | None], None]  # (file, bytes done, bytes in all)
SIDECAR = ".digests.json"
Kind = Literal["sha256", "sha1"]
KINDS: tuple[Kind, ...] = ("sha256", "sha1")


class Entry(TypedDict, total=False):
    """A file of a dataset, as its YAML says."""

    sha256: list[str]  # digests, one of which has to be the file's
    sha1: list[str]
    urls: list[str]  # tried in order
    bytes: int | None  # at most


Files = dict[str, Entry]


def data_root() -> Path:
    """$DLRUN_DATA, where files lie as upstream publishes them."""
    return expanded("DLRUN_DATA", os.environ.get("DLRUN_DATA") or "~/.cache/dlrun/data")


def mirrors() -> list[str]:
    """$DLRUN_MIRRORS: folders or URLs that are tried first, as <mirror>/<dataset>/<file>."""
    named = [mirror.strip() for mirror in os.environ.get("DLRUN_MIRRORS", "").split(",") if mirror.strip()]
    return [name if transport.is_web(name) else str(expanded("DLRUN_MIRRORS", name)) for name in named]


def expanded(variable: str, path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(f"{variable} says {path}: {error}") from error


def get(name: str, files: Files, *, progress: Progress | None = None) -> tuple[Path, dict[str, str]]:
    """$DLRUN_DATA/<name> with every file whole, and file -> SHA-256; DataError if that can't be had.

    Whatever is missing or damaged is got again, by one process at a time.
    """
    folder = data_root() / name
    with usable(folder):
        lacking = [file for file, entry in files.items() if not counts(folder / file, entry)]
        if lacking:
            # Asked before the lock: ten processes without a network then wait once, not one after the other.
            down = transport.unreachable(url for file in lacking for url in needed_urls(name, file, files[file]))
            make_folder(folder)
            with lock(folder):
                kept.clear_temporary(folder)
                for file in lacking:
                    if not counts(folder / file, files[file]):  # unless another process was first
                        get_one(name, file, files[file], down, progress)
        elif folder.is_dir() and any(kept.TEMPORARY.fullmatch(left) for left in os.listdir(folder)):
            with suppress(OSError), lock(folder):  # of a process that was killed, or of one that is still at it
                kept.clear_temporary(folder)
        return folder, {file: digest(folder / file) for file in files}


def status(name: str, files: Files) -> Literal["whole", "missing", "damaged"]:
    """What is there now, without getting anything."""
    paths = {data_root() / name / file: entry for file, entry in files.items()}
    try:
        if any(path.exists() and not counts(path, entry) for path, entry in paths.items()):
            return "damaged"
        return "whole" if all(path.exists() for path in paths) else "missing"
    except OSError:  # there, but it can't be read
        return "damaged"


# one file: where it may come from, and getting it


def addresses(name: str, file: str, entry: Entry) -> list[str]:
    tried_first = [
        f"{mirror.rstrip('/')}/{name}/{file}" if transport.is_web(mirror) else str(Path(mirror) / name / file)
        for mirror in mirrors()
    ]
    return [*tried_first, *entry.get("urls", [])]


def needed_urls(name: str, file: str, entry: Entry) -> list[str]:
    """The web addresses of a file that no mirror's folder has: with such a folder, no network is ever asked."""
    possible = addresses(name, file, entry)
    in_folder = any(Path(address).is_file() for address in possible if not transport.is_web(address))
    return [] if in_folder else [address for address in possible if transport.is_web(address)]


def get_one(name: str, file: str, entry: Entry, down: dict[str, str], progress: Progress | None) -> None:
    """The first address that gives the right bytes wins; written under a temporary name, then renamed."""
    path = data_root() / name / file
    reasons = [f"{path}: {explain(path, entry)}"] if os.path.lexists(path) else []
    for address in addresses(name, file, entry):
        try:
            if transport.is_web(address) and transport.host(address) in down:
                raise Failed(down[transport.host(address)])
            arrive = partial(copy, address, entry, room(path.parent, entry), progress and partial(progress, file))
            kept.replace(path.parent, file, arrive)
            return
        except Failed as failure:
            reasons.append(f"{address}: {failure}")
    raise DataError(
        "\n  ".join([f"{name} needs {file}, which can not be had:", *(reasons or ["there is no address for it"])])
        + f"\nPut {file} into {path.parent} yourself, or set DLRUN_MIRRORS=<folder or URL that has {name}/{file}>."
    )


def room(folder: Path, entry: Entry) -> int:
    """The most bytes that a file may have: what conf/ says, or half of the free disk; an endless one is cut off."""
    return entry.get("bytes") or shutil.disk_usage(folder).free // 2


def copy(
    address: str, entry: Entry, limit: int, report: Callable[[int, int | None], None] | None, out: IO[bytes]
) -> None:
    """An address's bytes into a file; Failed where they are not those that are listed."""
    done, found = 0, {kind: hashlib.new(kind) for kind in KINDS}
    for chunk, total in transport.chunks(address, limit):
        out.write(chunk)
        done += len(chunk)
        for each in found.values():
            each.update(chunk)
        if report and done != total:
            report(done, total)
    if report:
        report(done, done)
    if not any(each.hexdigest() in entry.get(kind, []) for kind, each in found.items()):
        # Of a local file, which a config may have named, nothing is told.
        web = transport.is_web(address)
        raise Failed(unexpected(done, found["sha256"].hexdigest(), entry) if web else "not the expected file")


# does a file count?


def counts(path: Path, entry: Entry) -> bool:
    """Whether a file is there and one of its digests is listed."""
    listed = {kind: entry[kind] for kind in KINDS if entry.get(kind)}
    return path.is_file() and any(
        digest(path, kind, fresh=fresh) in listed[kind]  # what was remembered may be what is damaged
        for fresh in (False, True)
        for kind in listed
    )


def explain(path: Path, entry: Entry) -> str:
    """What is wrong with a file that does not count."""
    return unexpected(path.stat().st_size, hashed(path, "sha256"), entry) if path.is_file() else "it is not a file"


def unexpected(size: int, sha256: str, entry: Entry) -> str:
    expected = " or ".join(f"{kind} {value}" for kind in KINDS for value in entry.get(kind, []))
    found = f"{amount(size, 'byte')} of sha256 {sha256}; expected is {expected}"
    return f"not the expected file: {found}" if size else "it is empty"


def digest(path: Path, kind: str = "sha256", *, fresh: bool = False) -> str:
    """A file's digest, remembered beside it for as long as the file's size and times do not change."""
    about = path.stat()
    stamp = [about.st_size, about.st_mtime_ns, about.st_ctime_ns]  # ctime: nobody can set that one back
    known = remembered(path.parent)
    entry = known.get(path.name, {})
    if entry.get("stamp") != stamp or fresh:
        entry = {"stamp": stamp}
    found = entry.get(kind)
    if not isinstance(found, str):
        found = entry[kind] = hashed(path, kind)
        remember(path.parent, {**known, path.name: entry})
    return found


def hashed(path: Path, kind: str) -> str:
    with transport.opened(path) as file:
        return hashlib.file_digest(file, kind).hexdigest()


def remembered(folder: Path) -> dict[str, dict[str, object]]:
    try:
        return kept.read_json(folder, SIDECAR, dict[str, dict[str, object]])
    except kept.Unreadable:
        return {}


def remember(folder: Path, known: dict[str, dict[str, object]]) -> None:
    """Where it can't be written, as in a shared read-only folder, digests are just computed each time."""
    with suppress(OSError):
        kept.replace_text(folder, SIDECAR, json.dumps(known, indent=1))


# folders and locks


def make_folder(folder: Path) -> None:
    if folder.is_symlink():
        raise OSError(errno.ELOOP, "it is a link, and nothing is written through one")
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)


def lock(folder: Path, name: str = "") -> AbstractContextManager[object]:
    """The lock of a folder, or of one name in it; it is waited for."""
    from filelock import FileLock  # costs 0.1 s, and most loads need no lock

    return FileLock(folder / f"{name and '.'}{name}.lock")


@contextmanager
def usable(folder: Path) -> Iterator[None]:
    """A disk that is full or may not be written becomes one message."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{folder} can not be used: {transport.short(error)}. "
            "Make room there, or set DLRUN_DATA=<a folder that can be written>."
        ) from error
