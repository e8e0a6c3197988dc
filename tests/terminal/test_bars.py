"""How a bar is laid out: with its metrics it takes the terminal's width and no more."""

import io

import pytest
from rich.console import Console
from rich.progress import BarColumn

from dlrun.terminal import bars


@pytest.mark.parametrize(("width", "drawn"), [(120, 24), (100, 24), (99, 8), (80, 8), (79, 0), (20, 0)])
def test_a_line_of_its_metrics_fits_exactly(width: int, drawn: int) -> None:
    console = Console(file=io.StringIO(), width=width, force_terminal=True)
    bar, room = bars.layout(console, "epoch 1/3")
    shown = [column.bar_width for column in bar.columns if isinstance(column, BarColumn)]
    assert shown == ([drawn] if drawn else [])
    bar.add_task("epoch 1/3", total=8, completed=8, metrics="x" * room)
    with console.capture() as written:
        console.print(bar.make_tasks_table(bar.tasks))
    (line,) = written.get().splitlines()  # nothing is folded
    assert "100%" in line and line.count("x") == room


def test_no_room_is_none_and_not_less() -> None:
    assert bars.layout(Console(file=io.StringIO(), width=10), "a long title")[1] == 0
