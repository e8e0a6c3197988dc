"""Stand-ins under $DLRUN_DATA/stand-in: small made-up datasets in upstream's own format. No torch."""

import json
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dlrun.files import download
from dlrun.store import kept

MADE = ".sha256.json"  # file -> digest, as it was made: a stand-in that is no longer that is made again


@dataclass(frozen=True)
class StandIn:
    """What a dataset's module has as `STAND_IN`: `write(folder)` makes it, `best` is the best score there can be."""

    version: str
    write: Callable[[Path], object]
    best: Mapping[str, float]


def stand_in(name: str, made_by: StandIn) -> tuple[Path, dict[str, str]]:
    """$DLRUN_DATA/stand-in/<name>-<version>, made once; and file -> SHA-256."""
    folder = download.data_root() / "stand-in" / f"{name}-{made_by.version}"
    with download.usable(folder):
        if (found := whole(folder)) is None:
            download.make_folder(folder.parent)
            with download.lock(folder.parent):
                found = whole(folder) or make(folder, made_by.write)
        return folder, found


def whole(folder: Path) -> dict[str, str] | None:
    """Its digests, if all files are as they were made. They are small: to look at them all costs a millisecond."""
    try:
        made = kept.read_json(folder, MADE, dict[str, str])
        return (
            made if all(download.hashed(folder / file, "sha256") == digest for file, digest in made.items()) else None
        )
    except (kept.Unreadable, OSError):
        return None


def make(folder: Path, write: Callable[[Path], object]) -> dict[str, str]:
    """Beside its place, then renamed: a kill leaves nothing that counts, and the next one clears it away."""
    for left in folder.parent.iterdir():
        if kept.TEMPORARY.fullmatch(left.name):
            shutil.rmtree(left, ignore_errors=True)
    partial = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}.tmp")
    partial.mkdir()
    try:
        write(partial)
        made = {path.name: download.hashed(path, "sha256") for path in sorted(partial.iterdir())}
        (partial / MADE).write_text(json.dumps(made))
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
        elif folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return made
