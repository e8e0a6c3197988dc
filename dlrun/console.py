"""The only module that prints: results to stdout, everything else to stderr, and all that matters to run.log as well.

Text from users and files is never read as Rich markup. Without a terminal there are plain lines instead of bars.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

PLAIN_SECONDS = 10.0  # between two lines about the same epoch where there is no bar

_quiet = False
_log: IO[str] | None = None


def _stderr() -> Console:
    """Made anew each time: sys.stderr may have been replaced, and then a kept console writes to a closed file."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def set_quiet(quiet: bool) -> None:
    """On ranks above 0 nothing is printed."""
    global _quiet
    _quiet = quiet


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Everything said in the block also goes to a file, with the time."""
    global _log
    with open(path, "a", encoding="utf-8", buffering=1) as file:
        before, _log = _log, file
        try:
            yield
        finally:
            _log = before


def log_only(text: str) -> None:
    if _log is not None:
        now = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
        _log.write("".join(f"{now} {line}\n" for line in text.splitlines()))


def number(value: float | None) -> str:
    """Four significant digits: 0.9123, 1234, 1.2e-05."""
    if value is None:
        return "-"
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e6):
        return str(int(value))
    return f"{value:.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def _line(text: str, style: str | None = None) -> None:
    log_only(text)
    if not _quiet:
        _show(_stderr(), Text(_encodable(text, sys.stderr), style=style or ""))


def say(text: str) -> None:
    _line(text)


def warn(text: str) -> None:
    _line(f"warning: {text}", "bold yellow")


def error(text: str) -> None:
    _line(f"error: {text}", "bold red")


def out(text: str) -> None:
    """A result as plain text on stdout."""
    if not _quiet:
        print(_encodable(text, sys.stdout), flush=True)


def json_out(value: Any) -> None:
    out(json.dumps(_finite(value), indent=1, ensure_ascii=True))


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    shown = Table(*(escape(name) for name in columns), title=escape(title), title_justify="left")
    for row in rows:
        shown.add_row(*(Text(_encodable(cell, sys.stdout)) for cell in row))
    for row in rows:
        log_only("  ".join(row))
    if not _quiet:
        # A pipe has no width of its own; 80 columns would cut the paths that a script wants to read.
        console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
        _show(console, shown)


def panel(title: str, lines: Sequence[str]) -> None:
    for line in lines:
        log_only(line)
    if not _quiet:
        text = Text(_encodable("\n".join(lines), sys.stderr))
        console = Console(stderr=True, highlight=False)
        _show(console, Panel(text, title=escape(title), expand=False, safe_box=True))


def _show(console: Console, what: Any) -> None:
    try:
        console.print(what)
    except UnicodeEncodeError:  # box characters on a terminal that can't show them
        plain = Console(file=console.file, highlight=False, width=console.width, legacy_windows=True)
        with plain.capture() as captured:
            plain.print(what)
        console.file.write(_encodable(captured.get(), console.file))


def _encodable(text: str, stream: Any) -> str:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, errors="replace").decode(encoding)


class Bar:
    """One epoch: a Rich bar on a terminal, plain lines elsewhere."""

    def __init__(self, title: str, total: int, done: int):
        self.title, self.total, self.first = title, total, done
        self.started = self.drawn = time.monotonic()
        self.bar: Progress | None = None
        if sys.stderr.isatty() and not _quiet:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.percentage:>3.0f}%"),
            )
            self.bar = Progress(
                *columns,
                TimeRemainingColumn(),
                TextColumn("{task.fields[figures]}"),
                console=Console(stderr=True, highlight=False),
                transient=True,
            )
            self.bar.start()
            self.task = self.bar.add_task(escape(title), total=total, completed=done, figures="")

    def advance(self, done: int, figures: Callable[[], dict[str, float]]) -> None:
        """Costs nothing but a look at the clock, unless something is drawn."""
        now = time.monotonic()
        if now - self.drawn < (0.1 if self.bar else PLAIN_SECONDS) or _quiet:
            return
        self.drawn = now
        rate = f"{(done - self.first) / (now - self.started):.3g} steps/s"
        text = f"{_figures(figures())}  {rate}"
        if self.bar:
            self.bar.update(self.task, completed=done, figures=escape(text))
        else:
            left = (now - self.started) / max(done - self.first, 1) * (self.total - done)
            _line(f"{self.title}  {done}/{self.total}  {text}  {_duration(left)} left")

    def end(self, figures: dict[str, float]) -> None:
        """The epoch's line, which stays."""
        self.close()
        _line(f"{self.title}  {_figures(figures)}  {_duration(time.monotonic() - self.started)}")

    def close(self) -> None:
        if self.bar:
            self.bar.stop()
            self.bar = None


@contextmanager
def progress(title: str, total: int, done: int = 0) -> Iterator[Bar]:
    bar = Bar(title, total, done)
    try:
        yield bar
    finally:
        bar.close()


def _figures(figures: dict[str, float]) -> str:
    return "  ".join(f"{name} {number(value)}" for name, value in figures.items())


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def download() -> Callable[[str, int, int | None], None]:
    """`progress(file, done_bytes, total_bytes)` for a download: about a line a second, in place on a terminal."""
    drawn: dict[str, float] = {}

    def show(name: str, done: int, total: int | None) -> None:
        finished = total is not None and done >= total
        terminal, now = sys.stderr.isatty(), time.monotonic()
        if _quiet or (not finished and now - drawn.get(name, 0.0) < (0.2 if terminal else PLAIN_SECONDS)):
            return
        drawn[name] = now
        share = f" of {total / 1e6:.1f} MB ({100 * done / total:.0f}%)" if total else ""
        line = (
            f"getting {name}: {done / 1e6:.1f} MB{share}" if not share else f"getting {name}: {done / 1e6:.1f}{share}"
        )
        if terminal:
            sys.stderr.write(f"\r{_encodable(line, sys.stderr)}\033[K" + ("\n" if finished else ""))
            sys.stderr.flush()
        else:
            _line(line)

    return show
