"""A sweep's jobs as they run: a table redrawn in place on a terminal, elsewhere a line when one begins or ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.live import Live
from rich.table import Table
from rich.text import Text

from dlrun import console
from dlrun.sweep.folder import ENDED

SECONDS = 0.2  # between two drawings


class Board:
    """What is known of each job; `titles` are their overrides."""

    def __init__(self, titles: dict[int, str]):
        self.titles = titles
        self.states: dict[int, list[str]] = {}  # job -> state, epoch, figures, time left
        self.drawn = 0.0
        self.live: Live | None = None
        if console.can_draw():
            screen = console.screen()
            self.live = Live(console=screen, auto_refresh=False, transient=True)
            self.live.start()
            console.say_above(screen)

    def add(self, job: int, title: str) -> None:
        self.titles[job] = title

    def at(self, job: int, title: str, share: float, left: float, figures: dict[str, float]) -> None:
        self.states[job] = ["running", f"{title} {share:.0%}", console.figures_text(figures), console.duration(left)]
        self.draw()

    def note(self, job: int, state: str, detail: str = "") -> None:
        """A change of state, such as completed or failed; the line stays and goes to the log as well."""
        self.states[job] = [state, "", detail, ""]
        tell = console.fail if state in ("failed", "diverged") else console.say
        tell(f"job {job} {state}: {self.titles[job]}" + (f"  {detail}" if detail else ""))
        self.draw(always=True)

    def draw(self, always: bool = False) -> None:
        now = time.monotonic()
        if self.live is None or (now - self.drawn < SECONDS and not always):
            return
        self.drawn = now
        ended = sum(state[0] in ENDED for state in self.states.values())
        shown = Table(title=Text(f"{ended} of {len(self.titles)} jobs have ended"), title_justify="left")
        for name in ("job", "overrides", "state", "epoch", "", "left"):
            shown.add_column(name, overflow="ellipsis", no_wrap=True)
        for job, state in self.open_jobs()[: max(4, self.live.console.height - 6)]:
            shown.add_row(str(job), Text(self.titles[job]), *(Text(cell) for cell in state))
        self.live.update(shown, refresh=True)

    def open_jobs(self) -> list[tuple[int, list[str]]]:
        """Those that run, then those that wait."""
        running = [(job, state) for job, state in self.states.items() if state[0] == "running"]
        return running + [(job, ["waiting", "", "", ""]) for job in self.titles if job not in self.states]

    def close(self) -> None:
        if self.live:
            self.live.stop()
            console.say_above(None)


@contextmanager
def board(titles: dict[int, str]) -> Iterator[Board]:
    shown = Board(titles)
    try:
        yield shown
    finally:
        shown.close()
