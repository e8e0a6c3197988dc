"""Tokens of a text that is larger than memory: written once under $DLRUN_DATA/prepared, then mapped. No torch."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, NotRequired, TypedDict

import numpy as np

from dlrun import console
from dlrun.files import download, own
from dlrun.store import kept

FACTS, IDS = "facts.json", "ids"
LARGEST = 64_000_000  # bytes of the facts: a vocabulary is most of them


class Facts(TypedDict):
    """What is known of the tokens; the last three say which file they are of."""

    vocab: str  # as `Vocab.to_json` writes it
    type: str  # of the ids, such as int16
    tokens: list[int]  # in each part
    characters: int
    different: int
    sha256: dict[str, str]  # of the texts
    folder: NotRequired[str]
    bytes: NotRequired[int]
    ids: NotRequired[str]


class Hashed:
    """A file that is written to, and the digest of what was."""

    def __init__(self, file: IO[bytes]):
        self.file, self.sha256, self.bytes = file, hashlib.sha256(), 0

    def write(self, ids: np.ndarray) -> None:
        content = ids.tobytes()
        self.file.write(content)
        self.sha256.update(content)
        self.bytes += len(content)


def mapped(name: str, key: Mapping[str, object], make: Callable[[Hashed], Facts], what: str) -> tuple[Facts, Path]:
    """What `make(file)` answers, and the file that it wrote; both are kept in <name>-<digest of `key`>/.

    The facts are written last and hold the digest of the file, which is checked each time (about 1 s a gigabyte): what
    a killed process, a full disk or a damaged one left is made again, by one process at a time. DataError where the
    folder can't be written.
    """
    short = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    folder = download.data_root() / "prepared" / f"{name}-{short}"
    if (found := whole(folder)) is not None:
        return found, folder / IDS
    with download.usable(folder):
        download.make_folder(folder)
        with download.lock(folder):
            if (found := whole(folder)) is None:  # unless another process was first
                kept.clear_temporary(folder)
                console.say(f"preparing {what} in {folder}, once for all runs with these settings")
                found = write(folder, make)
    return found, folder / IDS


def write(folder: Path, make: Callable[[Hashed], Facts]) -> Facts:
    made: list[Facts] = []

    def fill(file: IO[bytes]) -> None:
        hashed = Hashed(file)
        made.append(make(hashed) | {"folder": folder.name, "bytes": hashed.bytes, "ids": hashed.sha256.hexdigest()})

    kept.replace(folder, IDS, fill)
    kept.write_json(folder, FACTS, made[0])
    return made[0]


def whole(folder: Path) -> Facts | None:
    """None where something is missing or damaged."""
    try:
        facts = kept.read_json(folder, FACTS, Facts, LARGEST)
        if facts["folder"] != folder.name or (folder / IDS).stat().st_size != facts["bytes"]:
            return None
        return facts if own.digest_of(folder / IDS) == facts["ids"] else None
    except Exception:  # somebody else's bytes may lie there
        return None
