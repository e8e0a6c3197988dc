"""Where runs and sweeps go when nothing else is said, and how their folders are named."""

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

OUTPUTS = Path("outputs")
LONGEST = 40  # characters of a file's name that a run is called by


def name_of(choices: Mapping[str, object], path: object = None) -> str:
    """lstm-ptb, or of data of the user's own mlp-houses; a path's slashes would make folders."""
    names = [str(choices.get(group, "none")).replace("/", "_") for group in ("model", "data")]
    if isinstance(path, str) and (own := re.sub(r"[^\w.-]+", "-", Path(path).stem)[:LONGEST].strip(".-")):
        names[1] = own
    return "-".join(names)


def new_folder(name: str) -> Path:
    """outputs/2026-11-21/14-03-12-lstm-ptb; `create` gives a taken name a number."""
    now = datetime.now()
    return OUTPUTS / f"{now:%Y-%m-%d}" / f"{now:%H-%M-%S}-{name}"
