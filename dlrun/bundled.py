"""Files of the repository's root that an installed dlrun has with it: its documentation. No torch."""

from importlib.resources import files
from importlib.resources.abc import Traversable


def root() -> Traversable:
    """README.md, docs/ … below it: `dlrun/bundle` of what was installed, and of a checkout its own root."""
    package = files("dlrun")
    installed = package / "bundle"
    return installed if installed.is_dir() else package / ".."
