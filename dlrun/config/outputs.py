"""Where runs and sweeps go when nothing else is said, and how their folders are named."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

OUTPUTS = Path("outputs")


def name_of(choices: Mapping[str, object]) -> str:
    """lstm-ptb; a path's slashes would make folders."""
    return "-".join(str(choices.get(group, "none")).replace("/", "_") for group in ("model", "data"))


def new_folder(name: str) -> Path:
    """outputs/2026-11-21/14-03-12-lstm-ptb; `create` gives a taken name a number."""
    now = datetime.now()
    return OUTPUTS / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S}-{name}"
