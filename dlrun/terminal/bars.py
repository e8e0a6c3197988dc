"""How a bar is laid out on a terminal; `console` draws it."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn


def layout(console: Console, title: str) -> tuple[Progress, int]:
    """A bar with one task to be added, and how many columns are left for the task's `metrics`."""
    width = 24 if console.width >= 100 else 8 if console.width >= 80 else 0
    bar = Progress(
        TextColumn("{task.description}"),
        *([BarColumn(width)] if width else []),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[metrics]}"),
        console=console,
        transient=True,
        auto_refresh=False,  # no thread: it would take its time from the training
    )
    return bar, max(0, console.width - len(title) - width - 8)  # 8: percentage and gaps
