"""`dlrun prune [DIR…] --where CONDITION… (--checkpoints | --runs)`: makes room; asks first.

Only what is a run's folder beyond doubt is removed, and none that trains: each run's lock is held meanwhile. Links are
never followed.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import filelock

from dlrun import console
from dlrun.config.outputs import OUTPUTS
from dlrun.errors import UserError
from dlrun.run import query
from dlrun.run.folder import RunDir
from dlrun.run.query import Row
from dlrun.store import kept
from dlrun.terminal.plain import amount
from dlrun.verbs.parser import add_filter, verb

SHOWN = 10  # runs named before the question
RESUMED = ("last.pt", "previous.pt")  # what a run goes on from


@dataclass(frozen=True)
class Removal:
    """What would go of one run: its checkpoints, or all of it."""

    row: Row
    paths: tuple[Path, ...]
    size: int  # bytes


def run(argv: list[str]) -> None:
    parser = verb("prune", "Removes checkpoints or whole runs; asks first.", run=False, json=True)
    add_filter(parser)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--checkpoints", action="store_true", help="what a run goes on from; best.pt stays, so that it still answers"
    )
    what.add_argument("--all-checkpoints", action="store_true", help="best.pt as well")
    what.add_argument("--runs", action="store_true", help="the runs' whole folders")
    parser.add_argument("--yes", action="store_true", help="don't ask")
    arguments = parser.parse_args(argv)
    if not arguments.where:
        raise UserError("prune needs --where, so that nothing goes by mistake. For example: --where status=failed")
    refuse_links(arguments.folders)
    names = () if arguments.runs else RESUMED if arguments.checkpoints else (*RESUMED, "best.pt")
    matching = query.where(query.read(arguments.folders), arguments.where)
    matching = [row for row in matching if query.is_marked(row.path) and not row.why]  # beyond doubt dlrun's own
    resting = [row for row in matching if row.plain["status"] != "running"]
    if len(resting) < len(matching):
        console.warn(f"left alone, as they are running: {len(matching) - len(resting)}")
    removals = [each for row in resting if (each := removal(row, names))]
    unit = "run" if arguments.runs else "checkpoint"
    count = len(removals) if arguments.runs else sum(len(each.paths) for each in removals)
    total = f"{amount(count, unit)}, {megabytes(sum(each.size for each in removals))}"
    if removals and not arguments.yes:
        show(removals)
        if not console.confirm(f"Remove {total}?"):
            console.out("Nothing was removed.")
            return
    gone = [each for each in removals if remove(each)]
    tell(gone, arguments.json, unit)


def refuse_links(folders: Sequence[str]) -> None:
    for folder in map(Path, folders or [str(OUTPUTS)]):
        if folder.is_symlink():
            raise UserError(f"{folder} is a link, and prune follows none. Type where it leads: {folder.resolve()}")


def removal(row: Row, names: Sequence[str]) -> Removal | None:
    """None where there is nothing to remove, or where another run lies inside."""
    if not names:
        files = list(files_below(row.path))
        if any(file.name == "config.yaml" and file.parent != row.path for file in files):
            console.warn(f"left alone, as other runs lie in it: {row.path}")
            return None
        return Removal(row, (row.path,), sum(file.lstat().st_size for file in files))
    folder = RunDir(row.path).checkpoints
    paths = tuple(folder / name for name in names if kept.is_plain(folder / name)) if not folder.is_symlink() else ()
    return Removal(row, paths, sum(path.lstat().st_size for path in paths)) if paths else None


def files_below(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder, followlinks=False):
        yield from (Path(where) / name for name in names)


def remove(removal: Removal) -> bool:
    """Under the run's lock: it may have been resumed since it was listed."""
    run = RunDir(removal.row.path)
    try:
        with kept.lock(run.path):
            if removal.paths == (run.path,):
                shutil.rmtree(run.path)  # itself follows no link
                drop_empty(run.path.parent)
            else:
                for path in removal.paths:
                    path.unlink(missing_ok=True)
    except filelock.Timeout:
        console.warn(f"left alone, as it is running now: {run.path}")
        return False
    except OSError as error:
        console.warn(f"{run.path} can't be removed: {error.strerror or error}")
        return False
    return True


def drop_empty(day: Path) -> None:
    """A day's folder under outputs/ goes with its last run."""
    if day.parent.name == OUTPUTS.name:
        with suppress(OSError):
            day.rmdir()


def show(removals: Sequence[Removal]) -> None:
    for each in removals[:SHOWN]:
        console.say(f"  {each.row.plain['run']}  {each.row.plain['status']}  {megabytes(each.size)}")
    if len(removals) > SHOWN:
        console.say(f"  and {len(removals) - SHOWN:,} more")


def tell(gone: Sequence[Removal], as_json: bool, unit: str) -> None:
    size = sum(each.size for each in gone)
    count = sum(len(each.paths) for each in gone)
    if as_json:
        removed = [str(path) for each in gone for path in each.paths]
        console.json_out({"removed": removed, "bytes": size})
    elif gone:
        console.out(f"Removed {amount(count, unit)}, {megabytes(size)}.")
    else:
        console.out("There is nothing to remove.")


def megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
