"""A checkpoint's file: written whole, checked at every opening, read without running anything of it.

torch.load does not look at the checksums that its own format has: of 80 flipped bits 54 gave other weights without a
word. So each part's CRC is compared first, at about 1 GB a second.
"""

import io
import zipfile
from pathlib import Path
from typing import IO

from dlrun.errors import UserError, refuse_newer
from dlrun.store import kept
from dlrun.store.kept import Missing, Unreadable
from dlrun.terminal.plain import command

FORMAT = 1
FOLDER = "checkpoints"
NEWEST_FIRST = ("last", "previous", "best")


def save(run: Path, name: str, state: dict[str, object], *, keep: str | None = None) -> None:
    """`checkpoints/<name>.pt`; `keep` names what the one of before becomes. OSError on a full disk."""
    import torch

    # Into memory first: on a full disk torch.save raises a RuntimeError without a reason, a file an OSError.
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **state}, buffer)
    kept.make_folder(run, FOLDER)
    path = f"{FOLDER}/{name}.pt"
    kept.replace(run, path, lambda file: file.write(buffer.getbuffer()), keep=keep and f"{keep}.pt")


def exists(run: Path, name: str) -> bool:
    return (run / FOLDER / f"{name}.pt").exists()


def load(run: Path, name: str) -> dict[str, object] | None:
    """A run's checkpoint, or None where there is none."""
    try:
        return read(run, f"{FOLDER}/{name}.pt")
    except Missing:
        return None


def read(folder: Path, path: str) -> dict[str, object]:
    """A checkpoint on the CPU. Unreadable for a damaged one, and for a newer format."""
    import torch

    where = Path(folder) / path
    try:
        with kept.opened(folder, path) as file:
            check(file)
            file.seek(0)
            state = torch.load(file, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except Exception as error:  # torch.load raises whatever the zip and pickle readers raise
        detail = (
            str(error).strip().splitlines()[0][:100] if isinstance(error, zipfile.BadZipFile) else type(error).__name__
        )
        raise Unreadable(f"{where} is damaged and can't be loaded ({detail}).") from error
    if not isinstance(state, dict):
        raise Unreadable(f"{where} is no checkpoint of dlrun.")
    refuse_newer(f"{where}", state.get("format"), FORMAT)
    if state.get("format") != FORMAT or not isinstance(state.get("model"), dict):
        raise Unreadable(f"{where} is no checkpoint of dlrun: it has no weights.")
    return state


def check(file: IO[bytes]) -> None:
    """BadZipFile where a checksum is wrong, or where a part unpacks to more than it takes here: torch packs nothing."""
    with zipfile.ZipFile(file) as archive:
        for part in archive.infolist():
            if part.compress_type != zipfile.ZIP_STORED or part.file_size != part.compress_size:
                raise zipfile.BadZipFile(f"{part.filename} is packed")
        if bad := archive.testzip():
            raise zipfile.BadZipFile(f"the checksum of {bad} is wrong")


def newest(run: Path) -> tuple[str, dict[str, object], list[str]]:
    """The newest whole checkpoint's name and content, and what is wrong with those that are newer.

    UserError where there is none that a run may go on from without being asked: without last.pt it would lose steps.
    """
    damaged: list[str] = []
    anew = f"To train anew: {command('rerun', run)}"
    for name in NEWEST_FIRST:
        try:
            state = load(run, name)
        except Unreadable as error:
            damaged.append(str(error))
            continue
        if state is None:
            continue
        if name == "best" and not damaged:
            raise UserError(
                f"{run} has no checkpoints/last.pt: `dlrun prune --checkpoints` removes it. To go on from the best "
                f"one, at step {trained(state)}: {command('resume', run, '--checkpoint', 'best')}. {anew}"
            )
        if name == "previous" and not damaged:
            damaged = [f"{run}/{FOLDER}/last.pt is missing."]
        return name, state, damaged
    if damaged:
        raise UserError(f"{damaged[0]} There is no other one to go on from. {anew}")
    raise UserError(f"{run} has no checkpoint to go on from. {anew}")


def trained(state: dict[str, object]) -> int:
    """The step that a checkpoint was made at; 0 where it does not say."""
    trainer = state.get("trainer")
    step = trainer.get("step") if isinstance(trainer, dict) else 0
    return step if isinstance(step, int) else 0
