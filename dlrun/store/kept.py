"""The one reader and the one writer of every file that a run's or a sweep's folder keeps. No torch.

Such a folder may come from a stranger, or from a disk that fails. So a file is opened below its folder without
following a link, it must be a regular file of a sane size, and what it says is decoded into a typed record (msgspec):
whatever is wrong becomes one `Unreadable` that names the file. What is rewritten goes through a temporary file whose
name nobody can guess, fsync and rename: a kill at any moment leaves the old or the new one.
"""

import errno
import json
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

import yaml

from dlrun.errors import DlrunError, RunFailed, UserError
from dlrun.store import unfinished
from dlrun.store.decode import json_value, record, yaml_value

if TYPE_CHECKING:
    from filelock import BaseFileLock

T = TypeVar("T")

MB = LINE = 1 << 20  # LINE: no line of ours is longer
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# O_NONBLOCK: to open a FIFO would otherwise wait for ever for the other end.
PLAIN = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
MISTAKEN = (errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)  # of a name, not of a disk
TEMPORARY = re.compile(r"\..+\.([0-9a-f]{16}\.tmp|\d+)")  # the digits: process numbers, of version 0.1.0


class Unreadable(UserError):
    """A kept file that can't be read or does not say what it should; the message names it."""


class Missing(Unreadable):
    """There is no such file."""


# below a folder


@contextmanager
def below(folder: str | Path, name: str) -> Iterator[tuple[int, str]]:
    """The handle of the folder that holds `checkpoints/last.pt`, and `last.pt`; of all folders on the way, only the
    first may be a link, as that one was typed by the user."""
    *between, last = name.split("/")
    at = os.open(folder, DIRECTORY)
    try:
        for part in between:
            inner = os.open(part, DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        yield at, last
    finally:
        os.close(at)


def make_folder(folder: str | Path, name: str) -> None:
    """A folder right below another; OSError where a link or a file stands in its place."""
    with below(folder, name) as (at, last):
        with suppress(FileExistsError):
            os.mkdir(last, dir_fd=at)
        os.close(os.open(last, DIRECTORY | os.O_NOFOLLOW, dir_fd=at))


def reason(error: OSError) -> str:
    """Why a file can't be used, in a few words."""
    if error.errno == errno.ELOOP:
        return "it is a link, and none is followed here"
    if error.errno == errno.ENOTDIR:
        return "its folder is a link or no folder"
    if error.errno == errno.ENXIO:
        return "it is not a file"
    if error.errno == errno.EISDIR:
        return "it is a folder"
    return error.strerror or str(error)


def unwritable(path: str | Path, error: OSError) -> DlrunError:
    """A disk that is full or broken is no mistake of the user's; a link where a file should be is one of the folder."""
    text = f"{path} can't be written: {reason(error)}."
    return UserError(text) if error.errno in MISTAKEN else RunFailed(text)


def is_plain(path: Path) -> bool:
    """Whether a regular file is there, itself and not through a link."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, ValueError):  # a name of 5,000 characters, one with a NUL
        return False


# reading


def open_plain(folder: str | Path, name: str, limit: int | None) -> tuple[int, int]:
    """The handle and size of a regular file; Unreadable for all else, Missing where there is none."""
    try:
        if "/" in name:
            with below(folder, name) as (at, last):
                handle = os.open(last, os.O_RDONLY | PLAIN, dir_fd=at)
        else:  # of thousands of runs: the way below a folder's handle takes twice as long
            handle = os.open(f"{folder}/{name}", os.O_RDONLY | PLAIN)
    except FileNotFoundError as error:
        raise Missing(f"{folder}/{name} does not exist.") from error
    except OSError as error:
        raise Unreadable(f"{folder}/{name} can't be read: {reason(error)}.") from error
    about = os.fstat(handle)
    problem = ""
    if not stat.S_ISREG(about.st_mode):
        problem = "it is not a file"
    elif limit is not None and about.st_size > limit:
        problem = f"it has {about.st_size:,} bytes; {limit:,} are the limit"
    if problem:
        os.close(handle)
        raise Unreadable(f"{folder}/{name} can't be read: {problem}.")
    return handle, about.st_size


@contextmanager
def opened(folder: str | Path, name: str, limit: int | None = None) -> Iterator[IO[bytes]]:
    """A regular file of at most `limit` bytes, to be read; Unreadable and Missing as above."""
    with open(open_plain(folder, name, limit)[0], "rb") as file:
        yield file


def read(folder: str | Path, name: str, limit: int) -> bytes:
    handle, size = open_plain(folder, name, limit)
    try:
        content = os.read(handle, size)
        while len(content) < size and (more := os.read(handle, size - len(content))):  # 2 GB at a time
            content += more
        return content
    except OSError as error:
        raise Unreadable(f"{folder}/{name} can't be read: {reason(error)}.") from error
    finally:
        os.close(handle)


def read_json(folder: str | Path, name: str, kind: type[T], limit: int = MB) -> T:
    """A file's JSON as a `kind` of record; keys that the record does not know stay as they are."""
    raw = read(folder, name, limit)
    try:
        return record(json_value(raw), kind)
    except ValueError as error:
        raise Unreadable(f"{folder}/{name} can't be read: {error}") from error


def read_yaml(folder: str | Path, name: str, kind: type[T], limit: int = MB // 2) -> T:
    """A file's YAML as a `kind` of record: plain values, no tags, no aliases."""
    raw = read(folder, name, limit)
    try:
        return record(yaml_value(raw), kind)
    except (ValueError, yaml.YAMLError) as error:
        raise Unreadable(f"{folder}/{name} can't be read: {str(error).splitlines()[0]}") from error


# writing


def replace(folder: str | Path, name: str, write: Callable[[IO[bytes]], object], keep: str | None = None) -> None:
    """`write(file)` into a temporary file, then rename; `keep` names what the file of before becomes.

    Costs one fsync, about 5 ms on an SSD. OSError where it can't be written: then the old file stays.
    """
    with below(folder, name) as (at, last), temporary(at, [last]) as (path,):
        put(at, path, write)
        if keep is not None:
            keep_as(at, last, keep)
        os.replace(path, last, src_dir_fd=at, dst_dir_fd=at)


@contextmanager
def temporary(at: int, names: Sequence[str]) -> Iterator[list[str]]:
    """Names that nobody can guess for files beside those of a folder; what is left of them is removed."""
    paths = [f".{name}.{secrets.token_hex(8)}.tmp" for name in names]

    def remove() -> None:
        for path in paths:
            with suppress(OSError):
                os.unlink(path, dir_fd=at)

    with unfinished.removed_by(remove):
        try:
            yield paths
        except BaseException:
            remove()
            raise


def put(at: int, path: str, write: Callable[[IO[bytes]], object]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | PLAIN, 0o666, dir_fd=at)
    with open(handle, "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())


def keep_as(at: int, name: str, kept: str) -> None:
    """A second name for a file, so that there is no moment without the first; a file system without links renames."""
    temporary = f".{kept}.{secrets.token_hex(8)}.tmp"
    try:  # from before there is a link: a signal may end the process at any line
        try:
            os.link(name, temporary, src_dir_fd=at, dst_dir_fd=at, follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError:
            os.replace(name, kept, src_dir_fd=at, dst_dir_fd=at)
            return
        os.replace(temporary, kept, src_dir_fd=at, dst_dir_fd=at)
    finally:  # also where it went well: rename does nothing where both are one file already
        with suppress(OSError):
            os.unlink(temporary, dir_fd=at)


def replace_text(folder: str | Path, name: str, text: str) -> None:
    # A lone surrogate, from a path that is no UTF-8, becomes the escape that JSON has for it.
    replace(folder, name, lambda file: file.write(text.encode("utf-8", "backslashreplace")))


def write_json(folder: str | Path, name: str, value: object) -> None:
    replace_text(folder, name, json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n")


def open_to_append(folder: str | Path, name: str) -> int:
    """A handle for writing at a file's end; OSError for a link. A file with a second name is copied first."""
    with below(folder, name) as (at, last):
        handle = os.open(last, os.O_RDWR | os.O_APPEND | os.O_CREAT | PLAIN, 0o666, dir_fd=at)
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        os.close(handle)
        raise OSError(errno.ENXIO, "it is not a file")
    if about.st_nlink > 1:  # its other name may be a file of the user's own
        with open(handle, "rb") as file:
            content = file.read()
        replace(folder, name, lambda file: file.write(content))
        return open_to_append(folder, name)
    return handle


def append(handle: int, data: bytes) -> None:
    """Whole lines: all of them, or OSError and none, as a disk that fills up leaves no half line behind.

    What a kill or a power cut left of a line goes first: the next one would be damaged as well.
    """
    before, view = os.fstat(handle).st_size, memoryview(data)
    if before and os.pread(handle, 1, before - 1) != b"\n":
        end = os.pread(handle, LINE, max(0, before - LINE))
        before -= len(end) - (end.rfind(b"\n") + 1)
        os.ftruncate(handle, before)
    try:
        while view:
            view = view[os.write(handle, view) :]
    except OSError:
        with suppress(OSError):
            os.ftruncate(handle, before)
        raise


def lock(folder: str | Path) -> "BaseFileLock":
    """The folder's lock, not waited for. UserError where something else stands in its place: to lock empties a file."""
    from filelock import FileLock

    try:
        about = os.lstat(f"{folder}/.lock")
    except OSError:
        about = None
    if about and (not stat.S_ISREG(about.st_mode) or about.st_nlink > 1):
        raise UserError(f"{folder}/.lock is no lock of dlrun's. Remove it.")
    return FileLock(f"{folder}/.lock", timeout=0)


@contextmanager
def held(folder: str | Path, busy: str, *inner: str) -> Iterator[None]:
    """A folder for this process alone, without what a killed one left half written. UserError `busy` where it is not.

    The lock's file stays: unlinking it lets two processes hold it.
    """
    from filelock import Timeout

    found = lock(folder)
    try:
        found.acquire()
    except Timeout:
        raise UserError(busy) from None
    try:
        clear_temporary(folder, *inner)
        yield
    finally:
        found.release()


def clear_temporary(folder: str | Path, *inner: str) -> None:
    """Removes what a killed process left half written, in a folder and those `inner` ones. Its lock must be held."""
    for name in ("", *inner):
        with suppress(OSError), below(folder, f"{name}/." if name else ".") as (at, _):
            for entry in os.listdir(at):
                if TEMPORARY.fullmatch(entry):
                    with suppress(OSError):
                        os.unlink(entry, dir_fd=at)
