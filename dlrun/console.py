"""The only module that prints: results to stdout, everything else to stderr, and all that matters to run.log as well.

Text from users and files is never read as Rich markup, and its controls are made visible, here at the one place where
text goes out. Without a terminal there are plain lines instead of bars.
"""

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, cast

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from dlrun.errors import UserError
from dlrun.store import kept
from dlrun.terminal import streams
from dlrun.terminal.columns import fit, shortened
from dlrun.terminal.plain import duration as duration
from dlrun.terminal.plain import json_text, visible
from dlrun.terminal.plain import number as number

BAR_SECONDS = 0.1  # between two drawings of a bar
PLAIN_SECONDS = 10.0  # between two lines about the same epoch where there is no bar
PIPE_WIDTH = 200  # a pipe has no width of its own; 80 columns would cut the paths that a script wants to read

Relay = Callable[..., None]  # relay("said", text) | relay("at", title, share of the pass, seconds left, metrics)
RELAY_SECONDS = 0.5  # between two messages about the same epoch

_quiet = False
_relay: Relay | None = None
_log: IO[str] | None = None
_live: Console | None = None  # the console of the bar that is shown: a line said meanwhile must go above it


def screen(name: str = "stderr") -> Console:
    """Made anew each time: a kept console has the width of the terminal as it was."""
    stream = streams.Stream(name)
    return Console(file=cast("IO[str]", stream), highlight=False, width=None if stream.isatty() else PIPE_WIDTH)


def _stderr() -> Console:
    return _live or screen()


def can_draw() -> bool:
    """Whether stderr is a terminal that can redraw a line."""
    console = _stderr()
    return console.is_terminal and not console.is_dumb_terminal and not _quiet


def say_above(drawn: Console | None) -> None:
    """While something is redrawn in place on this console, what is said goes above it; None: no longer."""
    global _live
    _live = drawn


def set_quiet(quiet: bool) -> None:
    """On ranks above 0 nothing is printed."""
    global _quiet
    _quiet = quiet


@contextmanager
def relayed(relay: Relay) -> Iterator[None]:
    """What would be shown is told to `relay` instead: a sweep's worker has no terminal of its own."""
    global _relay, _quiet
    before = _relay, _quiet
    _relay, _quiet = relay, True
    try:
        yield
    finally:
        _relay, _quiet = before


@contextmanager
def log_to(folder: Path, name: str) -> Iterator[None]:
    """Everything said in the block also goes to a file of that folder, with the time."""
    global _log
    try:
        handle = kept.open_to_append(folder, name)
    except OSError as error:
        raise kept.unwritable(folder / name, error) from error
    # A path from the command line may hold bytes that are no UTF-8: they must not end a run.
    file = open(handle, "a", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115 - closed below
    before, _log = _log, file
    try:
        yield
    finally:
        _log = before
        with suppress(OSError):  # a full disk, which whoever writes results has met
            file.close()


def log_only(text: str) -> None:
    """Each of the lines with the time."""
    if _log is not None:
        now = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
        with suppress(OSError):  # a line less in the log is no reason to end a run
            _log.write("".join(f"{now} {line}\n" for line in visible(text, lines=True).rstrip("\n").split("\n")))


def _line(text: str, style: str | None = None) -> None:
    """One line: a newline in it came from a file or the command line."""
    _lines(visible(text), style)


def _lines(text: str, style: str | None = None) -> None:
    """A message that may have lines of its own, as one about a file that was looked for in many places.

    They are indented: a name with a line end in it can't look like another message.
    """
    text = re.sub(r"\n(?! )", "\n  ", text)
    log_only(text)
    if not _quiet:
        _stderr().print(Text(_encodable(text, sys.stderr, lines=True), style=style or ""), soft_wrap=True)


def say(text: str) -> None:
    _line(text)


def warn(text: str) -> None:
    _lines(f"warning: {text}", "bold yellow")
    if _relay:
        _relay("warned", text)


def fail(text: str) -> None:
    _line(text, "bold red")


def error(text: str) -> None:
    _lines(f"error: {text}", "bold red")


def out(text: str) -> None:
    """A result as plain text on stdout."""
    if not _quiet:
        streams.Stream("stdout").write(_encodable(text, sys.stdout, lines=True) + "\n")
        streams.Stream("stdout").flush()
        streams.settle(in_log=_log is not None)


def json_out(value: object) -> None:
    if isinstance(value, list):  # a line an entry: to indent the rows of thousands of runs would take seconds
        out("[" + ",".join(f"\n {json_text(entry)}" for entry in value) + "\n]" if value else "[]")
    else:
        out(json_text(value, indent=1))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], need: Sequence[str] = ()) -> None:
    """A result, on stdout; cells are folded between words, never cut. `need`: columns, the most needed first.

    A terminal too narrow for all shows the most needed ones and names the others; a pipe gets all.
    """
    for row in rows:
        log_only("  ".join(map(visible, row)))
    if _quiet:
        return
    names, *cells = [[_encodable(cell, sys.stdout) for cell in row] for row in (columns, *rows)]
    stream, widths = streams.Stream("stdout"), dict[int, int | None].fromkeys(range(len(names)))
    page = Console(file=cast("IO[str]", stream), highlight=False, width=None if stream.isatty() else PIPE_WIDTH)
    if stream.isatty():
        widths = {**fit(names, cells, need or names, page.width)}
    shown = Table()
    for at, wide in widths.items():
        shown.add_column(Text(names[at]), overflow="fold", width=wide)
    for row in cells:
        shown.add_row(*(Text(row[at]) for at in widths))
    page.print(Text(_encodable(title, sys.stdout), style="italic"), overflow="fold")
    page.print(shown)
    if without := ", ".join(name for at, name in enumerate(names) if at not in widths):
        page.print(Text(f"no room for: {without}", style="dim"), overflow="fold")
    streams.settle(in_log=_log is not None)


def confirm(question: str) -> bool:
    """Asks on stderr, as a result may be piped on; whatever is not a clear yes is a no."""
    if not sys.stdin.isatty():
        raise UserError(f"{question} There is no terminal to ask at: add --yes.")
    _stderr().print(Text(_encodable(f"{question} [y/N] ", sys.stderr)), end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def panel(title: str, lines: Sequence[str]) -> None:
    """Lines in a frame, on stderr."""
    for line in lines:
        log_only(line)
    if not _quiet:
        text = Text("\n".join(_encodable(line, sys.stderr) for line in lines), overflow="fold")
        _stderr().print(Panel(text, title=Text(_encodable(title, sys.stderr)), expand=False))


def _encodable(text: str, stream: object, *, lines: bool = False) -> str:
    """What a stream can write, controls made visible; `lines`: newlines and tabs in it are ours."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return visible(text, lines=lines).encode(encoding, errors="replace").decode(encoding)


class Bar:
    """One epoch: a Rich bar on a terminal, plain lines elsewhere. `done`, `total` and those `after` it are batches."""

    def __init__(self, title: str, total: int, done: int, after: int):
        self.title, self.total, self.first, self.done, self.after = title, total, done, done, after
        self.started = self.drawn = time.monotonic()
        self.bar = self.make_bar() if can_draw() else None

    def make_bar(self) -> Progress:
        global _live
        console = _live = screen()
        bar_width = 24 if console.width >= 100 else 8 if console.width >= 80 else 0
        self.room = max(0, console.width - len(self.title) - bar_width - 8)  # for the metrics; 8: percentage and gaps
        bar = Progress(
            TextColumn("{task.description}"),
            *([BarColumn(bar_width)] if bar_width else []),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[metrics]}"),
            console=console,
            transient=True,
            auto_refresh=False,  # no thread: it would take its time from the training
        )
        self.task = bar.add_task(escape(visible(self.title)), total=self.total, completed=self.first, metrics="")
        bar.start()
        return bar

    def advance(self, done: int, metrics: Callable[[], dict[str, float]]) -> None:
        """Costs nothing but a look at the clock, unless something is drawn."""
        self.done = done
        now = time.monotonic()
        if _relay and now - self.drawn >= RELAY_SECONDS:
            self.drawn = now
            self.tell(metrics())
        if now - self.drawn < (BAR_SECONDS if self.bar else PLAIN_SECONDS) or _quiet:
            return
        self.drawn = now
        left = (now - self.started) / max(done - self.first, 1) * (self.total - done)
        parts = [*metrics_text(metrics()).split("  "), f"{duration(left)} left", self.rate()]
        if self.bar:
            self.bar.update(
                self.task, completed=done, metrics=escape(shortened(parts, self.room)[: self.room]), refresh=True
            )
        else:
            _line("  ".join([self.title, f"{done}/{self.total}", *parts]))

    def end(self, metrics: dict[str, float]) -> None:
        """The epoch's line, which stays."""
        self.close()
        if _relay:
            self.tell(metrics)
        took = duration(time.monotonic() - self.started)
        parts = [self.title, *metrics_text(metrics).split("  ")]
        line = "  ".join([*parts, self.rate(), took])
        log_only(line)
        if not _quiet:
            if _stderr().is_terminal and cell_len(visible(line)) > _stderr().width:
                line = shortened([*parts, took], _stderr().width, at=1, keep=3)  # title, the goal's figure, time
            _stderr().print(Text(_encodable(line, sys.stderr)), soft_wrap=True)

    def tell(self, metrics: dict[str, float]) -> None:
        assert _relay is not None
        seconds = (time.monotonic() - self.started) / max(self.done - self.first, 1)
        _relay("at", self.title, self.done / self.total, seconds * (self.total - self.done + self.after), metrics)

    def rate(self) -> str:
        return f"{number((self.done - self.first) / max(time.monotonic() - self.started, 1e-9))} batches/s"

    def close(self) -> None:
        global _live
        if self.bar:
            self.bar.stop()
            self.bar = _live = None


@contextmanager
def progress(title: str, total: int, done: int = 0, after: int = 0) -> Iterator[Bar]:
    bar = Bar(title, total, done, after)
    try:
        yield bar
    finally:
        bar.close()


def metrics_text(metrics: dict[str, float]) -> str:
    return "  ".join(f"{name} {number(value)}" for name, value in metrics.items())


def download() -> Callable[[str, int, int | None], None]:
    """`show(file, done_bytes, total_bytes)` for a download: one line in place on a terminal, a few lines elsewhere."""
    drawn: dict[str, float] = {}

    def show(name: str, done: int, total: int | None) -> None:
        finished, draws, now = done == total, can_draw(), time.monotonic()
        wait = BAR_SECONDS if draws else PLAIN_SECONDS
        if _quiet or (not finished and now - drawn.setdefault(name, now - BAR_SECONDS) < wait):
            return
        drawn[name] = now
        unit, bytes_in = ("MB", 1e6) if max(done, total or 0) >= 1e5 else ("kB", 1e3)
        of = f" of {total / bytes_in:.1f} {unit} ({100 * done / total:.0f}%)" if total else f" {unit}"
        line = f"getting {name}: {done / bytes_in:.1f}{of}"
        if draws:
            line = _encodable(line, sys.stderr)[: _stderr().width - 1]  # a line that wraps can't be drawn over
            streams.Stream("stderr").write(f"\r{line}\033[K" + ("\n" if finished else ""))
            streams.Stream("stderr").flush()
            if finished:
                log_only(line)
        else:
            _line(line)

    return show
