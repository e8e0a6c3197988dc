"""Whose fault an exception is, in one line: the disk's, the memory's, the user's own code's, or dlrun's own."""

import errno
import re
import sysconfig
import traceback
from collections.abc import Sequence
from pathlib import Path

from dlrun.errors import DlrunError, RunFailed
from dlrun.run.folder import RunDir
from dlrun.terminal.plain import command

PACKAGE = Path(__file__).parents[1]
WRITERS = tuple(
    str(PACKAGE / name) for name in ("store/kept.py", "run/folder.py")
)  # what happens in there happens to our files
LIBRARIES = tuple({*sysconfig.get_paths().values(), str(PACKAGE), "<frozen "} - {sysconfig.get_paths()["data"]})
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SIZES = ("hidden", "embed", "layers", "channels", "blocks", "n", "resize", "vocab_size", "steps", "window")


def explained(error: Exception, run: RunDir, config: dict[str, object]) -> DlrunError:
    """What a run's exception becomes. The caller keeps the traceback in run.log."""
    if isinstance(error, DlrunError):
        return error
    if lower := out_of_memory(error, config):
        return RunFailed(lower)
    if isinstance(error, OSError) and writes_ours(error):
        remedy = "Make room" if error.errno in FULL else "Put that right"
        what = f"{run.path} can't be written: {error.strerror or error}."
        return RunFailed(f"{what} {remedy}. {how_to_go_on(run)}")
    what = f"{type(error).__name__}: {first_line(error)}".rstrip(": ")
    trusted = config.get("trusted")
    if place := own_place(error, trusted if isinstance(trusted, list) else ()):
        return RunFailed(f"{place}: {what}. The traceback is in {run.path}/run.log")
    return RunFailed(
        f"This is a mistake of dlrun's own, please report it: {what}. The traceback is in {run.path}/run.log"
    )


def how_to_go_on(run: RunDir) -> str:
    if (run.checkpoints / "last.pt").exists():
        return f"Go on from its last checkpoint: {command('resume', run.path)}"
    return f"{run.path} has no checkpoint yet: type the same again to start anew."


def out_of_memory(error: BaseException, config: dict[str, object]) -> str:
    """What to lower where memory is full; "" for any other exception. torch has no class of its own for a CPU's."""
    text = str(error)
    full = (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and re.search(r"can't allocate memory|[Oo]ut of memory", text) is not None)
    )
    if not full:
        return ""
    asked = re.search(r"allocate (\d+) bytes|Tried to allocate ([\d.]+ \w+)|Unable to allocate ([\d.]+ \w+)", text)
    size = ""
    if asked:
        size = f": {int(asked[1]) / 1e9:,.1f} GB more were asked for" if asked[1] else f": {asked[2] or asked[3]} more"
    found = [f"batch_size={config.get('batch_size')}"]
    for group in ("model", "data", "task"):
        node = config.get(group)
        options = node.items() if isinstance(node, dict) else ()
        found += [f"{group}.{key}={value}" for key, value in options if key in SIZES and value is not None]
    return f"The memory is full{size}. Lower one of {', '.join(found)}; trainer.accumulate makes up for a small batch."


def writes_ours(error: OSError) -> bool:
    """Whether it was met while a run's own files were written, and not while the user's loader read theirs."""
    return any(frame.filename in WRITERS for frame in traceback.extract_tb(error.__traceback__))


def own_place(error: BaseException, trusted: Sequence[str]) -> str:
    """`my_package/mine.py:12`, the innermost line of the user's own code; "" where none is there."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        path, package = Path(frame.f_code.co_filename), str(frame.f_globals.get("__name__", "")).split(".")[0]
        installed = {"site-packages", "dist-packages"} & set(path.parts) or str(path).startswith(LIBRARIES)
        if path.suffix == ".py" and (package in trusted or not installed):
            return f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}:{line}"
    return ""


def first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else ""
