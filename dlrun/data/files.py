"""Getting a dataset's files. A file counts by its digest alone, wherever it came from. No torch in here.

A file's entry: {"sha256": [digests that count], "sha1": [more of them], "urls": [addresses, tried in order]}.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from dlrun.data import transport
from dlrun.data.transport import Failed
from dlrun.errors import DataError

Progress = Callable[[str, int, int | None], None]  # (file, bytes done, bytes in all)
SIDECAR = ".digests.json"


def data_root() -> Path:
    """$DLRUN_DATA, where files lie as upstream publishes them."""
    return Path(os.environ.get("DLRUN_DATA") or "~/.cache/dlrun/data").expanduser()


def mirrors() -> list[str]:
    """$DLRUN_MIRRORS: folders or URLs that are tried first, as <mirror>/<dataset>/<file>."""
    return [mirror.strip() for mirror in os.environ.get("DLRUN_MIRRORS", "").split(",") if mirror.strip()]


def get(name: str, files: dict[str, dict], *, progress: Progress | None = None) -> tuple[Path, dict[str, str]]:
    """$DLRUN_DATA/<name> with every file whole, and file -> SHA-256; DataError if that can't be had.

    Whatever is missing or damaged is got again, by one process at a time.
    """
    folder = data_root() / name
    with usable(folder):
        lacking = [file for file, entry in files.items() if not counts(folder / file, entry)]
        if lacking:
            # Asked before the lock: ten processes without a network then wait once, not one after the other.
            down = transport.unreachable(url for file in lacking for url in needed_urls(name, file, files[file]))
            folder.mkdir(parents=True, exist_ok=True)
            with lock(folder / ".lock"):
                for file in lacking:
                    if not counts(folder / file, files[file]):  # unless another process was first
                        get_one(name, file, files[file], down, progress)
        return folder, {file: digest(folder / file) for file in files}


def status(name: str, files: dict[str, dict]) -> Literal["whole", "missing", "damaged"]:
    """What is there now, without getting anything."""
    paths = {data_root() / name / file: entry for file, entry in files.items()}
    try:
        if any(path.exists() and not counts(path, entry) for path, entry in paths.items()):
            return "damaged"
        return "whole" if all(path.exists() for path in paths) else "missing"
    except OSError:  # there, but it can't be read
        return "damaged"


def stand_in(name: str, version: str, write: Callable[[Path], None]) -> tuple[Path, dict[str, str]]:
    """$DLRUN_DATA/stand-in/<name>-<version> as `write(folder)` makes it, once; and file -> SHA-256."""
    folder = data_root() / "stand-in" / f"{name}-{version}"
    with usable(folder):
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with lock(folder.with_name(f".{folder.name}.lock")):
                if not folder.is_dir():
                    partial = folder.with_name(f".{folder.name}.part")
                    shutil.rmtree(partial, ignore_errors=True)
                    partial.mkdir()
                    write(partial)
                    partial.rename(folder)
        made = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
        return folder, {path.name: digest(path) for path in made}


# one file: where it may come from, and getting it


def addresses(name: str, file: str, entry: dict[str, Any]) -> list[str]:
    tried_first = [
        f"{mirror.rstrip('/')}/{name}/{file}"
        if transport.is_web(mirror)
        else str(Path(mirror).expanduser() / name / file)
        for mirror in mirrors()
    ]
    return [*tried_first, *entry.get("urls", [])]


def needed_urls(name: str, file: str, entry: dict[str, Any]) -> list[str]:
    """The web addresses of a file that no mirror's folder has: with such a folder, no network is ever asked."""
    possible = addresses(name, file, entry)
    in_folder = any(Path(address).is_file() for address in possible if not transport.is_web(address))
    return [] if in_folder else [address for address in possible if transport.is_web(address)]


def get_one(name: str, file: str, entry: dict[str, Any], down: dict[str, str], progress: Progress | None) -> None:
    """The first address that gives the right bytes wins; written under a temporary name, then renamed."""
    path = data_root() / name / file
    reasons = [f"{path}: {mismatch(path, entry)}"] if path.exists() else []
    partial = path.with_name(f".{file}.part")
    try:
        for address in addresses(name, file, entry):
            try:
                if transport.is_web(address) and transport.host(address) in down:
                    raise Failed(down[transport.host(address)])
                write(partial, address, lambda done, total: progress(file, done, total) if progress else None)
                if not counts(partial, entry, remember=False):
                    # Of a local file that a config may have named, nothing is told.
                    raise Failed(mismatch(partial, entry) if transport.is_web(address) else "not the expected file")
                os.replace(partial, path)
                return
            except Failed as failure:
                reasons.append(f"{address}: {failure}")
    finally:
        partial.unlink(missing_ok=True)
    raise DataError(
        "\n  ".join([f"{name} needs {file}, which can not be had:", *(reasons or ["there is no address for it"])])
        + f"\nPut {file} into {path.parent} yourself, or set DLRUN_MIRRORS=<folder or URL that has {name}/{file}>."
    )


def write(path: Path, address: str, report: Callable[[int, int | None], None]) -> None:
    """An address's bytes into a file, on the disk when this returns."""
    done = 0
    with open(path, "wb") as out:
        for chunk, total in transport.chunks(address):
            out.write(chunk)
            done += len(chunk)
            if done != total:
                report(done, total)
        out.flush()
        os.fsync(out.fileno())
    report(done, done)


# does a file count?


def counts(path: Path, entry: dict[str, Any], *, remember: bool = True) -> bool:
    """Whether a file is there and one of its digests is listed."""
    if not path.is_file():
        return False
    kinds = [kind for kind in ("sha256", "sha1") if entry.get(kind)]
    return any((digest(path, kind) if remember else hashed(path, kind)) in entry[kind] for kind in kinds)


def mismatch(path: Path, entry: dict[str, Any]) -> str:
    """What is wrong with a file that does not count."""
    if not path.is_file():
        return "it is not a file"
    size = path.stat().st_size
    if not size:
        return "it is empty"
    expected = " or ".join(f"{kind} {value}" for kind in ("sha256", "sha1") for value in entry.get(kind, []))
    return f"not the expected file: {size:,} bytes of sha256 {hashed(path, 'sha256')}; expected is {expected}"


def digest(path: Path, kind: str = "sha256") -> str:
    """A file's digest, remembered beside it for as long as the file's size and times do not change."""
    about = path.stat()
    stamp = [about.st_size, about.st_mtime_ns, about.st_ctime_ns]  # ctime: nobody can set that one back
    known = remembered(path.parent)
    entry = known.get(path.name)
    if not isinstance(entry, dict) or entry.get("stamp") != stamp:
        entry = {"stamp": stamp}
    if kind not in entry:
        entry[kind] = hashed(path, kind)
        remember(path.parent, {**known, path.name: entry})
    return entry[kind]


def hashed(path: Path, kind: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def remembered(folder: Path) -> dict[str, Any]:
    try:
        known = json.loads((folder / SIDECAR).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def remember(folder: Path, known: dict[str, Any]) -> None:
    """Where it can't be written, as in a shared read-only folder, digests are just computed each time."""
    partial = folder / f"{SIDECAR}.{os.getpid()}"
    with suppress(OSError):
        partial.write_text(json.dumps(known, indent=1), encoding="utf-8")
        os.replace(partial, folder / SIDECAR)


# folders and locks


def lock(path: Path) -> Any:
    from filelock import FileLock  # costs 0.1 s, and most loads need no lock

    return FileLock(path)


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
