"""Prepared tensors under $DLRUN_DATA/prepared, so that a long reading is done once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from dlrun import console
from dlrun.data import files


def prepared(name: str, key: dict[str, Any], make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `make()` answers (tensors, strings, numbers), kept in <name>-<digest of `key`>.pt.

    `key` has everything that the answer depends on: the files' digests, the settings, the reading code's version.
    Where the folder can't be written, nothing is kept and nothing fails.
    """
    short = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    path = files.data_root() / "prepared" / f"{name}-{short}.pt"
    if (found := kept(path)) is not None:
        return found
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.lock(path.with_name(f".{path.name}.lock")):
            if (found := kept(path)) is None:  # unless another process was first
                console.say(f"preparing {name} for the first time with these settings")
                found = make()
                keep(path, found)
    except OSError:
        return make() if found is None else found
    return found


def kept(path: Path) -> dict[str, Any] | None:
    """None for a file that is not there or was damaged: it is then made again."""
    if not path.is_file():
        return None
    try:
        return torch.load(path, weights_only=True)
    except Exception:  # torch.load has no one error for broken files
        return None


def keep(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_name(f".{path.name}.part")
    try:
        with open(partial, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except (OSError, RuntimeError) as error:  # torch.save answers a full disk with a RuntimeError
        raise OSError(str(error)) from error
    finally:
        partial.unlink(missing_ok=True)
