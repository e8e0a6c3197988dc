"""Files that the user asked for, in places that the user has named: whole or not at all, and over nothing but files."""

import errno
import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from dlrun.errors import UserError
from dlrun.store import kept

Write = Callable[[IO[bytes]], object]


def replace_typed(folder: Path, files: Mapping[str, Write]) -> None:
    """UserError where there can't be such files, before anything is written, which may take hours."""
    if not os.path.isdir(folder):
        raise UserError(f"{folder / next(iter(files))} can't be written: there is no folder {folder}.")
    try:
        replace_all(folder, files)
    except OSError as error:
        raise kept.unwritable(folder / error.filename, error) from error


def replace_all(folder: Path, files: Mapping[str, Write]) -> None:
    """Files right below a folder, all or none: each is whole beside its place before the first one takes it.

    OSError with the file's name.
    """
    name = next(iter(files))
    try:
        with kept.below(folder, ".") as (at, _), kept.temporary(at, list(files)) as paths:
            for name in files:
                refuse_special(name, at)
            new = [name for name in files if not exists(name, at)]
            for path, name in zip(paths, files, strict=True):
                kept.put(at, path, files[name])
            for path, name in zip(list(paths), files, strict=True):
                paths += [name] if name in new else []  # to be removed as well, should the others not follow
                os.replace(path, name, src_dir_fd=at, dst_dir_fd=at)
    except OSError as error:
        error.filename = name
        raise


def exists(name: str, at: int) -> bool:
    with suppress(FileNotFoundError):
        os.stat(name, dir_fd=at, follow_symlinks=False)
        return True
    return False


def refuse_special(name: str, at: int) -> None:
    """OSError where a folder, a device or a pipe is: renamed to, as root, /dev/null would become a file."""
    with suppress(FileNotFoundError):
        mode = os.stat(name, dir_fd=at).st_mode
        if not stat.S_ISREG(mode):
            number = errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO
            raise OSError(number, os.strerror(number))
