"""A sweep's jobs as they run: a table redrawn in place on a terminal, elsewhere a line when one begins or ends."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from dlrun import console
from dlrun.run.records import SweepRow
from dlrun.sweep.folder import ENDED
from dlrun.terminal.plain import amount, visible

SECONDS = 0.2  # between two drawings
WIDTHS = {"job": 5, "state": 9, "epoch": 13, "left": 7}  # fixed: what tells jobs apart gets the rest
METRICS = 16  # columns that have to be left for a running job's metrics
EDGES = 2  # blanks beside each column


@dataclass
class JobState:
    """What is known of one job."""

    state: str
    epoch: str = ""
    metrics: str = ""
    left: float = 0.0  # seconds


class LiveTable:
    """What is known of each job; `titles` are their overrides. `slots`: how many run at once."""

    def __init__(self, titles: dict[int, str], slots: int):
        self.titles, self.slots = titles, slots
        self.states: dict[int, JobState] = {}
        self.took: list[float] = []  # seconds, of jobs that ended in this session
        self.best: tuple[float, int] | None = None  # the best value so far, and its job
        self.drawn = 0.0
        self.live: Live | None = None

    def add(self, job: int, title: str) -> None:
        self.titles[job] = title

    def at(self, job: int, title: str, fraction: float, left: float, metrics: dict[str, float]) -> None:
        epoch = f"{title.removeprefix('epoch ')} {fraction:.0%}"
        self.states[job] = JobState("running", epoch, console.metrics_text(metrics), left)
        self.draw()

    def note(self, job: int, state: str, detail: str = "") -> None:
        """A change of state, such as completed or failed; the line stays and goes to the log as well."""
        self.states[job] = JobState(state)
        tell = console.fail if state in ("failed", "diverged") else console.say
        tell(f"job {job} {state}: {self.titles[job]}" + (f"  {detail}" if detail else ""))
        self.draw(always=True)

    def note_result(self, job: int, row: SweepRow) -> None:
        """A job's value and time, for the table's first line."""
        value = row["best"]
        if value is not None and (self.best is None or (value > self.best[0]) == (row["mode"] == "max")):
            self.best = value, job
        self.took += [row["duration_s"]] if row["duration_s"] is not None else []

    def draw(self, always: bool = False) -> None:
        now = time.monotonic()
        if self.live is None or (now - self.drawn < SECONDS and not always):
            return
        self.drawn = now
        self.live.update(self.table(self.live.console.width, self.live.console.height), refresh=True)

    def table(self, width: int, height: int) -> Group:
        """The sweep as a whole in a line, those that run, and how many wait."""
        running = [(job, state) for job, state in self.states.items() if state.state == "running"]
        waiting = sum(job not in self.states for job in self.titles)
        columns = dict(WIDTHS)
        room = max(10, width - sum(columns.values()) - EDGES * (len(columns) + 1))
        columns["overrides"] = min(room, max((cell_len(rounded(self.titles[job])) for job, _ in running), default=10))
        if (spare := room - columns["overrides"] - EDGES) >= METRICS:
            columns["metrics"] = spare
        shown = Table(box=None, padding=(0, EDGES, 0, 0), pad_edge=False)
        for name, room in columns.items():
            shown.add_column(name if name != "metrics" else "", width=room, overflow="ellipsis", no_wrap=True)
        for job, state in running[: max(4, height - 4)]:
            cells = {
                "job": str(job),
                "state": state.state,
                "epoch": state.epoch,
                "left": console.duration(state.left),
                "metrics": visible(state.metrics),
                "overrides": visible(rounded(self.titles[job])),
            }
            shown.add_row(*(Text(cells[name]) for name in columns))
        more = [Text(f"{waiting} more wait{'s' * (waiting == 1)}")] if waiting else []
        return Group(Text(self.whole(running, waiting), overflow="ellipsis", no_wrap=True), shown, *more)

    def whole(self, running: Sequence[tuple[int, JobState]], waiting: int) -> str:
        ended = sum(state.state in ENDED for state in self.states.values())
        parts = [f"{ended} of {amount(len(self.titles), 'job')} ended"]
        if self.best:
            parts.append(f"best {console.number(self.best[0])} (job {self.best[1]})")
        if self.took:
            rest = sum(state.left for _, state in running) + waiting * sum(self.took) / len(self.took)
            parts.append(f"{console.duration(rest / max(self.slots, 1))} left")
        return "  ".join(parts)

    def __enter__(self) -> LiveTable:
        if console.can_draw():
            screen = console.screen()
            self.live = Live(console=screen, auto_refresh=False, transient=True)
            self.live.start()
            console.say_above(screen)
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()
            console.say_above(None)


def rounded(title: str) -> str:
    """Four significant digits of each number: optim.lr=0.0001176."""
    return re.sub(r"(?<![\w.])\d+\.\d{5,}(e-?\d+)?", lambda found: f"{float(found[0]):.4g}", title)
