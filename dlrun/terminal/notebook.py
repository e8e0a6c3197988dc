"""A notebook's cell as a place to show things: one line of text that is redrawn in place, no HTML and no widgets."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.display import DisplayHandle

WIDTH = 100  # columns: a cell wraps what is longer
BLOCKS = 24  # of a bar


def here() -> bool:
    """Whether this process is a notebook's kernel: Jupyter's, or one that is made after it."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)


def stream() -> str:
    """Where what is no result goes: a cell would show stderr in red."""
    return "stdout" if here() else "stderr"


def bar(share: float) -> str:
    filled = round(BLOCKS * share)
    return f"{'━' * filled}{'┄' * (BLOCKS - filled)} {share:3.0%}"


class CellLine:
    """A saved notebook keeps what it showed last."""

    def __init__(self) -> None:
        self.handle: DisplayHandle | None = None

    def show(self, text: str) -> None:
        from IPython.display import display

        if self.handle is None:
            self.handle = display({"text/plain": text}, raw=True, display_id=True)
        else:
            self.handle.update({"text/plain": text}, raw=True)
