"""Prepared tensors under $DLRUN_DATA/prepared, so that a long reading is done once."""

import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from dlrun import console
from dlrun.files import download, transport
from dlrun.store import kept


def prepared(name: str, key: Mapping[str, object], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `make()` answers (tensors, strings, numbers), kept in <name>-<digest of `key`>.pt.

    `key` has everything that the answer depends on: the files' digests, the settings, the reading code's version.
    Where the folder can't be written, nothing is kept and nothing fails.
    """
    short = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    path = download.data_root() / "prepared" / f"{name}-{short}.pt"
    if (found := whole(path)) is not None:
        return found
    try:
        download.make_folder(path.parent)
        with download.lock(path.parent, path.name):
            if (found := whole(path)) is None:  # unless another process was first
                again = (
                    " again, as what was kept is damaged or of another version"
                    if os.path.lexists(path)
                    else " for the first time"
                )
                console.say(f"preparing {name} with these settings{again}")
                found = make()
                keep(path, found)
    except OSError:
        return make() if found is None else found
    return found


def seal(path: Path, content: bytes) -> bytes:
    """The first line of a kept file: the digest of its name and content, so that no other's takes its place."""
    return f"{hashlib.sha256(path.name.encode() + content).hexdigest()} {len(content)}\n".encode()


def whole(path: Path) -> dict[str, Any] | None:
    """None for a file that is not there or was damaged: it is then made again. To check it costs 1 ms a megabyte."""
    try:
        with transport.opened(path) as file:
            line = file.readline(100)
            size = os.fstat(file.fileno()).st_size - len(line)
            if not line.endswith(b" %d\n" % size):  # before anything of a wrong size is read
                return None
            content = file.read()
        return torch.load(io.BytesIO(content), weights_only=True) if line == seal(path, content) else None
    except Exception:  # another version of torch may have kept it, and torch.load has no one error
        return None


def keep(path: Path, content: dict[str, object]) -> None:
    """Under a lock for all of the folder, so that what a killed process left there can be cleared away."""
    with download.lock(path.parent):
        kept.clear_temporary(path.parent)
        replace(path, content)


def replace(path: Path, content: dict[str, object]) -> None:
    """Sealed; `whole` reads it."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    saved = buffer.getvalue()
    kept.replace(path.parent, path.name, lambda file: file.writelines((seal(path, saved), saved)))
