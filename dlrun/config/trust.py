"""Packages of the user's own, whose code may run because the user said so on the command line: `trusted=[mine]`.

Python finds such a package where it finds all others; where it is not installed, it is looked for in the working folder
and beside `--config-dir`. Only the trusted names are: a `random.py` that lies there is nobody's import.
"""

import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

from dlrun.errors import UserError

FOLDERS = "DLRUN_PACKAGES"  # the environment carries them to the processes of a sweep, on any launcher
NOT_YOURS = {"dlrun", "torch", "numpy", "hydra", "omegaconf", "antlr4", "yaml", "rich", "tensorboard", "PIL"} | {
    *("httpx", "filelock", "msgspec", "tokenizers", "optuna", "ray", "joblib", "submitit", "cloudpickle", "pip")
}  # to trust them would open all that they can do to a saved config


def packages(value: object, typed: str = "trusted=[{}]") -> tuple[str, ...]:
    """`value` as names of packages; UserError where it is something else. `typed`: how one says so there."""
    if value is None:
        return ()
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise UserError(f"trusted={value}: a list of your own packages is expected. Type trusted=[my_package].")
    for name in value:
        if not all(part.isidentifier() for part in name.split(".")):
            raise UserError(f"{typed.format(name)}: {name} is no name of a package, such as my_package.")
        if name.split(".")[0] in NOT_YOURS | sys.stdlib_module_names:
            raise UserError(f"{typed.format(name)}: {name} is no package of yours, and has far more than models.")
    return tuple(value)


def look_beside(config_dir: str | None) -> None:
    """Packages are looked for beside this folder as well."""
    if config_dir:
        os.environ[FOLDERS] = str(Path(config_dir).absolute().parent)


def folders() -> list[str]:
    """Where a trusted package may lie that is not installed."""
    beside = os.environ.get(FOLDERS)
    return list(dict.fromkeys([os.getcwd(), *([beside] if beside else [])]))


class Finder(MetaPathFinder):
    """Stands last in sys.meta_path: what is installed comes first."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return PathFinder.find_spec(name, folders()) if path is None and name in self.names else None


FINDER = Finder()


def findable(trusted: Sequence[str]) -> None:
    """From here on `import` finds these packages."""
    FINDER.names |= {name.split(".")[0] for name in trusted}
    if FINDER not in sys.meta_path:
        sys.meta_path.append(FINDER)


def is_there(package: str) -> bool:
    return importlib.util.find_spec(package.split(".")[0]) is not None
