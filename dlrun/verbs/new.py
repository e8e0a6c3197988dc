"""`dlrun new FOLDER`: a small package of one's own that runs at once: a model, a dataset, conf/, a test, a README."""

import importlib.util
import keyword
import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from importlib.resources.abc import Traversable
from pathlib import Path

from dlrun import bundled, console
from dlrun.config import catalogue, trust
from dlrun.errors import UserError
from dlrun.store import kept, unfinished
from dlrun.terminal.plain import quoted
from dlrun.verbs.parser import a_folder, verb

NAME = "my_package"  # what the template calls it
NO_NAMES = {"conf", "tests", "outputs"} | {  # what else lies in the folder, and what YAML reads as a value
    *("null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf")
}


def run(argv: list[str]) -> None:
    parser = verb("new", "A small package of your own that runs at once.", run=False, json=True)
    parser.add_argument("folder", type=a_folder, metavar="FOLDER", help="is made; the package is called after it")
    arguments = parser.parse_args(argv)
    folder = Path(arguments.folder)
    called = os.path.basename(os.path.abspath(folder))  # of `.` as well
    plain = plain_name(called)
    name = f"my_{plain}" if taken(plain) else plain
    files = dict(filled(bundled.root() / "template", name))
    write(folder, files)
    typed = f"dlrun --config-dir conf 'trusted=[{name}]' model={name}"
    if arguments.json:
        console.json_out({"folder": str(folder), "package": name, "files": sorted(files), "command": typed})
        return
    if plain != called:
        console.say(f"The package is called {name}: {called} is no plain name of a-z, 0-9 and _.")
    elif name != plain:
        console.say(f"The package is called {name}: {plain} is taken.")
    console.out(f"{folder}: a model, a dataset, conf/, a test and a README. Type")
    console.out(f"  cd {quoted(folder)}\n  {typed}")


def plain_name(called: str) -> str:
    """What a package and its choices can be called, from a folder's name: a-z, 0-9 and _, such as flower_power."""
    letters = unicodedata.normalize("NFKD", called).encode("ascii", "ignore").decode()  # Hydra reads no others
    plain = re.sub(r"[^a-z0-9]+", "_", letters.lower()).strip("_")[:60]
    return plain if plain and not plain[0].isdecimal() else f"my_{plain or 'package'}"


def taken(name: str) -> bool:
    """Whether Python, dlrun or an installed package has that name: one of them would be meant instead."""
    if name in NO_NAMES | trust.NOT_YOURS | sys.stdlib_module_names or keyword.iskeyword(name):
        return True
    if any(name in catalogue.choices(group) for group in catalogue.GROUPS):
        return True
    found = importlib.util.find_spec(name)
    return found is not None and found.origin is not None  # without: some folder of that name, maybe this one


def filled(folder: Traversable, name: str, below: str = "") -> Iterator[tuple[str, str]]:
    """Path and text of each file of the template, with the package's own name."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and not entry.name.startswith((".", "__pycache__", "outputs")):  # left by who tried it there
            yield from filled(entry, name, f"{below}{entry.name}/")
        elif entry.is_file():
            yield f"{below}{entry.name}".replace(NAME, name), entry.read_text(encoding="utf-8").replace(NAME, name)


def write(folder: Path, files: dict[str, str]) -> None:
    """All of them, or none. UserError where something is there already, DlrunError where they can't be written."""
    if os.path.lexists(folder) and not os.path.isdir(folder):
        what = "a file" if os.path.exists(folder) else "a link to what is not there"
        raise UserError(f"{folder} is {what}. Name a folder that is not there yet.")
    made: list[Path] = []

    def remove() -> None:
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()

    with unfinished.removed_by(remove):
        try:
            if folder.exists() and any(folder.iterdir()):
                raise UserError(f"{folder} is there, and not empty. Name a folder that is not there yet.")
            for name, text in files.items():
                path = folder / name
                for parent in [each for each in reversed(path.parents) if not each.exists()]:
                    made.append(parent)
                    parent.mkdir()
                with path.open("x", encoding="utf-8") as file:
                    made.append(path)
                    file.write(text)
        except BaseException as error:
            remove()
            if isinstance(error, OSError):
                raise kept.unwritable(folder, error) from error
            raise
