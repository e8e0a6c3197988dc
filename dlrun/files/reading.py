"""Reading a dataset's files: regular ones, never more than a limit, and what is wrong with one is a single DataError.

A digest decides what is read at all, but stand-ins and data of one's own come here too, and a bomb is a bomb.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from gzip import GzipFile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dlrun.errors import DataError, DlrunError
from dlrun.files import transport

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others may ask for gigabytes before the first byte


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What goes wrong in the block is the file's fault: DataError names it and says why."""
    try:
        yield
    except DlrunError:
        raise
    except UnicodeDecodeError as error:
        raise DataError(f"{path} can't be read: it is not {error.encoding} text at byte {error.start:,}.") from error
    except Exception as error:  # zipfile, gzip and tarfile have no one error for broken bytes
        raise DataError(f"{path} can't be read: {transport.short(error)}.") from error


def limited(file: IO[bytes] | GzipFile, limit: int) -> bytes:
    content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"it holds more than {limit:,} bytes")
    return content


def whole(path: Path, limit: int) -> bytes:
    with transport.opened(path) as file:
        return limited(file, limit)


def gunzipped(path: Path, limit: int) -> bytes:
    with transport.opened(path) as packed, GzipFile(fileobj=packed) as file:
        return limited(file, limit)


def unzipped(path: Path, names: Iterable[str], limit: int) -> list[str]:
    """The texts of that name in a zip, each of `limit` bytes at most."""
    texts = []
    with transport.opened(path) as packed, zipfile.ZipFile(packed) as archive:
        for name in names:
            if archive.getinfo(name).compress_type not in METHODS:
                raise ValueError(f"{name} is packed in a way that is not read here")
            with archive.open(name) as file:
                texts.append(limited(file, limit).decode("utf-8"))
    return texts


class Limited(io.RawIOBase):
    """What is read from a file, up to a limit: for a library that reads as much as a header tells it to."""

    def __init__(self, file: IO[bytes] | GzipFile, limit: int):
        self.file, self.limit, self.left = file, limit, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        chunk = self.file.read(len(view))
        self.left -= len(chunk)
        if self.left < 0:
            raise ValueError(f"it unpacks to more than {self.limit:,} bytes")
        view[: len(chunk)] = chunk
        return len(chunk)
