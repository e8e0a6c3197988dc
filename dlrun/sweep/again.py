"""A saved sweep's command, once more: as far as a file that may be anybody's is believed."""

import re
import shlex
from collections.abc import Sequence

from dlrun.config import renamed
from dlrun.errors import UserError
from dlrun.sweep.folder import SweepDir

SEARCHED = ("trials", "sampler", "pruner", "warmup_trials", "warmup_epochs", "goals", "storage", "seed")
HYDRAS = {"hydra/sweeper", *(f"hydra.sweeper.{key}" for key in SEARCHED), "hydra/launcher"}


def command_of(sweep: SweepDir, trusted: Sequence[str], config_dir: str | None) -> list[str]:
    """What a sweep was started with, as far as a saved file is believed: choices and values of keys.

    Where configs are found, whose code may run and what Hydra itself does comes from what is typed now.
    """
    kept, wanted, folders = [], [], []
    arguments = list(sweep.facts()["command"])
    for place, argument in enumerate(arguments):
        key, _, value = argument.partition("=")
        key, _, package = key.lstrip("+~").partition("@")
        if argument in ("--config-dir", "-cd"):
            folders += arguments[place + 1 : place + 2]
        elif argument.startswith("--config-dir="):
            folders.append(argument.partition("=")[2])
        elif argument.startswith("-") or not re.fullmatch(r"[+~]{0,2}[\w./@:-]+(=.*)?", argument, re.DOTALL):
            continue
        elif key == "trusted":
            wanted += re.findall(r"[\w.]+", argument.partition("=")[2])
        elif package or (key.split(".")[0].split("/")[0] == "hydra" and key not in HYDRAS):
            continue  # optim@hydra.callbacks.x=sgd would be Hydra's to build
        elif (key == "hydra/launcher" and value not in ("local", "ray")) or ("." not in key and ".." in value):
            continue  # a launcher of Hydra's runs other programs; a choice with .. is a file from elsewhere
        elif "=" in argument or argument.startswith("~"):
            kept.append(renamed.renewed_word(argument))
    if not config_dir and folders:
        words = [*flags(wanted), "--config-dir", folders[0]]
        raise UserError(f"This sweep uses configs of somebody's own. If they are yours: {shlex.join(words)}")
    ask_for_trust(wanted, trusted)
    typed = [f"trusted=[{','.join(trusted)}]"] if trusted else []
    return [*kept, *typed, *(["--config-dir", config_dir] if config_dir else [])]


def extended(command: Sequence[str], additions: Sequence[str]) -> list[str]:
    """The sweep's command with other values for some keys: `optim.lr=0.1,0.01` and `optim.lr=0.3` -> `optim.lr=0.3`."""
    for each in additions:
        if "=" not in each:
            raise UserError(f"--extend {each}: that is no KEY=VALUES. For example: --extend optim.lr=0.3")
        if each.lstrip("+~").startswith(("hydra", "trusted=")):
            raise UserError(
                f"--extend {each}: more jobs differ in values of theirs. For example: --extend optim.lr=0.3"
            )
    left = {each.partition("=")[0]: each for each in additions}
    return [*(left.pop(each.partition("=")[0], each) for each in command), *left.values()]


def ask_for_trust(wanted: Sequence[str], trusted: Sequence[str]) -> None:
    """A saved sweep's own word on whose code may run is not believed: the user says it again."""
    if missing := sorted(set(wanted) - set(trusted)):
        raise UserError(f"This sweep runs code of somebody's own. If it is yours: {shlex.join(flags(missing))}")


def flags(packages: Sequence[str]) -> list[str]:
    return [word for package in packages for word in ("--trust", package)]
