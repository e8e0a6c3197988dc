"""Files of the user's own: found, digested, and what is wrong with one is one message. No torch."""

import hashlib
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from dlrun.errors import DlrunError, UserError, nearest
from dlrun.files import transport
from dlrun.terminal.plain import amount

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
FOLDERS = {  # of a dataset's parts, by the names that people give them -> 0 to train on, 1 to choose by, 2 to test
    **dict.fromkeys(("train", "training"), 0),
    **dict.fromkeys(("val", "valid", "validation", "dev"), 1),
    **dict.fromkeys(("test", "testing"), 2),
}
ENOUGH = 1_000  # entries of an inner folder by which is told what it holds
MOST_SEEN = 100_000  # of all
PATIENCE = 3.0  # seconds
MOST_OTHERS = 10_000  # files of other kinds that are passed over, unless a tenth as many are of the kind
TEXTS = (".txt", ".text", ".md")
TEXT_COLUMNS = ("text", "body", "review", "sentence", "content")  # what they are called, the likeliest first
LABEL_COLUMNS = ("label", "target", "class", "category")


def file(path: str, key: str) -> Path:
    """The file that `key`, such as data.path, names. UserError where there is none, with the names that are near."""
    found = there(path, key)
    if found.is_dir():
        raise UserError(f"{key}={path} is a folder, and one file is expected.")
    if not found.is_file():
        raise UserError(f"{key}={path} is no plain file.")
    return found


def folder(path: str, key: str) -> Path:
    """The folder that `key` names. UserError where there is none, or a file."""
    found = there(path, key)
    if not found.is_dir():
        raise UserError(f"{key}={path} is a file, and a folder is expected.")
    return found


def there(path: str, key: str) -> Path:
    found = Path(os.path.expanduser(path))
    try:
        if found.exists():
            return found
        beside = [each.name for each in found.parent.iterdir() if not each.name.startswith(".")]
    except (OSError, ValueError):  # a name of 5,000 characters, a folder that may not be read
        beside = []
    hint = f" {nearest(found.name, beside)}" if beside else ""
    raise UserError(f"{key}={path}: there is no such file or folder.{hint}")


def read(path: Path, limit: int) -> bytes:
    """All of it. UserError for one of more than `limit` bytes, of none, or that can't be read."""
    with readable(path):
        with transport.opened(path) as opened:
            content = opened.read(limit + 1)
        if len(content) > limit:
            raise UserError(f"{path} has more than {limit:,} bytes, which is the most that is read here.")
        if not content.strip(b"\0 \t\r\n"):
            raise UserError(f"{path} is empty.")
    return content


def some_below(folder: Path) -> Iterator[tuple[bool, str]]:
    """Whether it lies in an inner folder, and the path of each file; of a large or slow folder the first ones alone.

    Those above come first. What is hidden is left out; links are followed where folders of classes may be links.
    """
    ends, waiting, left = time.monotonic() + PATIENCE, deque([(str(folder), 0)]), MOST_SEEN
    while waiting and left > 0 and time.monotonic() < ends:
        place, depth = waiting.popleft()
        with readable(folder) if not depth else suppress(OSError), os.scandir(place) as found:
            for each in islice(found, min(left, ENOUGH) if depth else left):
                left -= 1
                if each.name.startswith("."):
                    continue
                if each.is_dir(follow_symlinks=depth < 2):
                    waiting.append((each.path, depth + 1))
                else:
                    yield depth > 0, each.path


def inner_folders(folder: Path) -> list[Path]:
    """Those in it, links to some too, by name; what is hidden is left out."""
    with readable(folder), os.scandir(folder) as found:
        return sorted(Path(each.path) for each in found if not each.name.startswith(".") and each.is_dir())


def check_others(folder: object, others: int, found: int, what: str) -> None:
    """UserError for a folder that holds almost nothing of what is looked for: to list it could take minutes."""
    if others >= MOST_OTHERS and others > 10 * found:
        raise UserError(
            f"{folder} has {amount(found, what)} among the first {others + found:,} files: it is no folder of {what}s. "
            "Name the folder that has them: data.path=FOLDER"
        )


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What the system says of a file that can't be read, as one message."""
    try:
        yield
    except DlrunError:
        raise
    except OSError as error:
        raise UserError(f"{path} can't be read: {error.strerror or error}.") from error


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def by_name(found: Iterable[tuple[Path, str]]) -> dict[str, str]:
    """Names of files -> digests; a second file of one name goes by its path."""
    named: dict[str, str] = {}
    for path, sha256 in found:
        named[str(path) if path.name in named else path.name] = sha256
    return named


def digest_of(path: Path) -> str:
    """Of a file that is too large to be held."""
    with readable(path), transport.opened(path) as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextmanager
def named(file: str) -> Iterator[None]:
    """Around what is wrong with its content: messages begin with the file."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{file}: {error}") from error
