"""Where a dataset's files are. Of ours conf/ alone says it; of the user's own its YAML does, and is checked. No torch.

A run's config.yaml may come from anybody: no name, address or digest in it is believed for a dataset of ours.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from dlrun.config import catalogue
from dlrun.errors import UserError
from dlrun.files import download

TAKEN = ("prepared", "stand-in")  # folders of $DLRUN_DATA that are no dataset's
LONGEST = 200  # bytes of a name: temporary names are longer, and a file system takes 255


class File(msgspec.Struct, forbid_unknown_fields=True):
    """One file's entry."""

    sha256: list[Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]] = []
    sha1: list[Annotated[str, Meta(pattern=r"^[0-9a-f]{40}\Z")]] = []
    urls: list[Annotated[str, Meta(pattern=r"^https?://[^\s/\x00-\x1f][^\s\x00-\x1f]*\Z")]] = []
    bytes: Annotated[int, Meta(gt=0)] | None = None


@dataclass(frozen=True)
class Source:
    """A dataset's folder below $DLRUN_DATA and its files' entries; None: it needs none."""

    name: str
    files: download.Files | None
    ours: bool = False


def find(target: Callable[..., object], node: dict[str, Any], chosen: str | None) -> Source:
    """`target` reads the dataset, and is asked itself what it is: a config may know it by another name."""
    origin = f"{target.__module__}.{getattr(target, '__qualname__', '')}"
    chosen = str(chosen or target.__module__.rpartition(".")[2])
    if ours := catalogue.dataset(origin):
        return Source(ours.get("name", chosen), ours.get("files"), ours=True)
    if origin.startswith("dlrun."):
        raise UserError(f"{origin} reads no dataset. dlrun's own: {', '.join(catalogue.choices('data'))}.")
    name, files = node.get("name", chosen), node.get("files")
    if files is None:
        return Source(str(name), None)
    if problem := misnamed(name):
        raise UserError(f"data.name: {problem}.")
    if name in (*TAKEN, *catalogue.choices("data")):
        raise UserError(f"data.name={name} is a folder of dlrun's own. Give your dataset another name.")
    check(files)
    return Source(name, files)


def check(files: object) -> None:
    """UserError for names that lead out of the dataset's folder, for addresses that are not the web's, and the like."""
    if isinstance(files, dict) and (problem := next(filter(None, map(misnamed, files)), "")):
        raise UserError(f"data.files: {problem}.")
    try:
        entries = msgspec.convert(files, dict[str, File])
    except (msgspec.ValidationError, RecursionError) as error:
        what = re.sub(r" matching regex '.*'", " of another form", str(error))
        raise UserError(
            f"data.files can't be used: {what}. A file has urls (http:// or https://), sha256 (64 digits 0-9a-f) "
            "or sha1 (40), and bytes, the most that it may have."
        ) from error
    for file, entry in entries.items():
        if not entry.sha256 and not entry.sha1:
            raise UserError(f"data.files: {file} has no digest. Type sha256: [...] into your dataset's YAML.")


def misnamed(name: object) -> str:
    """Why a name is not that of one file or folder, as a sentence; "" when it is."""
    if not isinstance(name, str) or not name:
        return "a name is expected"
    if name.startswith(".") or "/" in name or not name.isprintable() or len(name.encode()) > LONGEST:
        return f"{name[:LONGEST]!r} is not the plain name of a file: no slash, no leading dot, no control character"
    return ""
