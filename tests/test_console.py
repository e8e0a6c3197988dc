"""What the terminal, a pipe and run.log get to see."""

import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlrun import console

DEMO = """
import sys, time
from pathlib import Path
from dlrun import console
path = Path(sys.argv[1])
with console.log_to(path.parent, path.name):
    console.say("data[0] [bold]not bold[/bold] 想要")
    with console.progress("epoch 1/3", 8) as bar:
        for step in range(1, 9):
            time.sleep(0.12)
            if step == 5:
                console.warn("careful [/]")
            bar.advance(step, lambda: {"loss": 1.23456, "perplexity": 3.4321})
        bar.end({"loss": 1.2, "val perplexity": 5.01234})
    console.panel("done [b]", ["val/loss 3.2", "想要 " + "x" * 90])
    console.table("runs [x]", ["run", "b[0]"], [["/a/path" * 12, "想要[red]1"]])
    console.error("over")
"""


def demo(log: Path, **environment: str) -> tuple[str, str]:
    """stdout and stderr of the demonstration in pipes."""
    done = subprocess.run(
        [sys.executable, "-c", DEMO, str(log)], env=os.environ | environment, capture_output=True, timeout=60
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode()


def demo_on_terminal(log: Path, code: str = DEMO, **environment: str) -> str:
    """What the demonstration writes to a terminal, of 60 columns if not said otherwise."""
    ours, theirs = pty.openpty()
    environment = {"COLUMNS": "60", "LINES": "24", **environment}
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(log)], env=os.environ | environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not part:
            break
        written += part
    os.close(ours)
    assert process.wait(timeout=60) == 0, written
    return written.decode()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.912345, "0.9123"),
        (1234.4, "1234"),
        (1.2e-5, "1.2e-05"),
        (3.0, "3"),
        (123456789, "123456789"),
        (1.23456e9, "1.235e+09"),
        (-0.00012346, "-0.0001235"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (None, "-"),
    ],
)
def test_number(value: float | None, shown: str) -> None:
    assert console.number(value) == shown


def test_results_to_stdout_all_else_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    console.out("a result")
    console.say("hello")
    console.warn("careful")
    console.error("wrong")
    captured = capsys.readouterr()
    assert captured.out == "a result\n"
    assert captured.err == "hello\nwarning: careful\nerror: wrong\n"


@pytest.mark.parametrize("text", ["data[0]", "[bold]x[/bold]", "[/]", ":smile: [link=x]", "a\\[b]", "x" * 300])
def test_text_is_shown_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    console.say(text)
    console.panel(text[:40], [text])
    console.table(text[:40], [text[:40]], [[text[:150]]])
    captured = capsys.readouterr()
    assert captured.err.startswith(f"{text}\n")
    assert captured.err.count(text[:40]) >= 3
    assert captured.out.count(text[:40]) >= 3


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    console.json_out({"a": float("nan"), "b": "想", "c": [1, (2.5, float("-inf"))], "d": None, "e": True})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"a": None, "b": "想", "c": [1, [2.5, None]], "d": None, "e": True}


def test_what_is_told_to_a_sweep_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with console.relayed(lambda *said: None):
        console.say("hello")
        console.out("result")
        console.table("t", ["a"], [["b"]])
        console.panel("t", ["a"])
        with console.progress("epoch 1", 1) as bar:
            bar.advance(1, lambda: pytest.fail("nothing is drawn, so nothing is to be computed"))
            bar.end({"loss": 1.0})
        console.download()("file", 1, 1)
    assert capsys.readouterr() == ("", "")


def test_log_keeps_everything_with_the_time(tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    log.write_text("earlier\n")
    console.say("before")
    with console.log_to(tmp_path, "run.log"):
        console.say("a name\nwith\x1b[2J controls")
        console.error("two\nlines")
        console.warn("bytes \udce9 that are no UTF-8")
        console.table("t", ["a", "b"], [["1", "想"]])
        console.panel("t", ["panelled"])
        console.log_only("for the file alone")
        assert log.read_text(encoding="utf-8").endswith("for the file alone\n"), "not written at once"
    console.say("after")
    lines = log.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "earlier"
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", line) for line in lines[1:])
    expected = ["a name\\nwith\\x1b[2J controls", "error: two", "  lines"]
    expected += ["warning: bytes \\udce9 that are no UTF-8", "1  想", "panelled", "for the file alone"]
    assert [line[20:] for line in lines[1:]] == expected


def test_figures_are_computed_only_when_something_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    asked: list[float] = []
    with console.progress("epoch 1", 1000) as bar:
        for step in range(1, 1001):
            clock[0] += 0.025
            bar.advance(step, lambda: asked.append(clock[0]) or {"loss": 1.0})  # type: ignore[func-returns-value]
    assert asked == pytest.approx([10.0, 20.0], abs=0.03)  # no terminal: a line each ten seconds


def test_lines_of_an_epoch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with console.progress("epoch 3/10", 400, done=100) as bar:
        clock[0] += 60
        bar.advance(250, lambda: {"loss": 1.23456})
        clock[0] += 3600
        bar.advance(400, lambda: {"loss": 1.1})
        bar.end({"loss": 1.2, "val perplexity": 5.01234})
    assert capsys.readouterr().err.splitlines() == [
        "epoch 3/10  250/400  loss 1.235  1:00 left  2.5 batches/s",
        "epoch 3/10  400/400  loss 1.1  0:00 left  0.08197 batches/s",
        "epoch 3/10  loss 1.2  val perplexity 5.012  0.08197 batches/s  1:01:00",
    ]


def test_download_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    show = console.download()
    for megabytes in range(1, 31):
        clock[0] += 1
        show("imdb.tar.gz", megabytes * 1_000_000, 30_000_000)
    show("train.en", 30_000, 40_000)
    clock[0] += 100
    show("train.en", 40_000, 40_000)
    show("unknown.bin", 5, None)
    lines = capsys.readouterr().err.splitlines()
    assert lines[-2:] == ["getting imdb.tar.gz: 30.0 of 30.0 MB (100%)", "getting train.en: 40.0 of 40.0 kB (100%)"]
    assert len(lines) == 4 and lines[0].startswith("getting imdb.tar.gz: 11.0 of 30.0 MB (37%)")


@pytest.mark.parametrize(
    "environment",
    [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}],
    ids=str,
)
@pytest.mark.parametrize("show", [demo, demo_on_terminal])
def test_never_stumbles(show: Callable[..., Any], environment: dict[str, str], tmp_path: Path) -> None:
    shown = show(tmp_path / "run.log", **({"TERM": "xterm", "PYTHONIOENCODING": "utf-8"} | environment))
    text = shown if isinstance(shown, str) else "".join(shown)
    assert "data[0] [bold]not bold[/bold]" in text and "b[0]" in text and "[red]1" in text
    assert ("想要" in text) == ("PYTHONIOENCODING" not in environment)
    assert "epoch 1/3  loss 1.2  val perplexity 5.012" in text
    log = (tmp_path / "run.log").read_text(encoding="utf-8")
    assert "想要[red]1" in log and "\x1b" not in log and "error: over" in log


def test_pipe_gets_whole_lines_and_no_bar(tmp_path: Path) -> None:
    out, err = demo(tmp_path / "run.log", PYTHONIOENCODING="utf-8", COLUMNS="60")
    assert "/a/path" * 12 in out and "\x1b" not in out + err and "\r" not in out + err
    assert re.fullmatch(r"epoch 1/3  loss 1\.2  val perplexity 5\.012  [\d.]+ batches/s  0:01", err.splitlines()[2])


def test_bar_on_a_narrow_terminal(tmp_path: Path) -> None:
    text = demo_on_terminal(tmp_path / "run.log", TERM="xterm", PYTHONIOENCODING="utf-8")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    drawn = [part.strip() for part in re.split(r"[\r\n]+", plain)]
    bars = [line for line in drawn if re.match(r"epoch 1/3 +\d+% loss 1\.235  perplexity 3\.432  0:0\d left", line)]
    assert len(bars) >= 6
    assert max(map(len, bars)) <= 60
    assert "warning: careful [/]" in drawn, "a warning stands on its own line, above the bar"
    assert "/a/path/a" in plain and "…" not in plain


def test_bar_takes_no_text_for_markup(tmp_path: Path) -> None:
    code = DEMO.replace('"epoch 1/3"', '"[red]1[/] \\\\["').replace('"loss"', '"[b]"')
    written = demo_on_terminal(tmp_path / "run.log", code, TERM="xterm", PYTHONIOENCODING="utf-8", COLUMNS="120")
    assert "[red]1[/]" in written and "[b] 1.235" in written


WIDE = """
import sys
from pathlib import Path
from dlrun import console
path = Path(sys.argv[1])
rows = [[f"outputs/day/{n}-lenet", "completed", "sgd", f"optim.lr=0.0{n} model.dropout=0.{n} seed={n}"] for n in (1, 2)]
console.table("runs", ["run", "status", "optim", "differs"], rows, need=["run", "status", "differs", "optim"])
with console.log_to(path.parent, path.name), console.progress("epoch 1/3", 8) as bar:
    bar.end({"loss": 1.2345, "perplexity": 3.4321, "val loss": 5.01234, "val perplexity": 5.01234})
"""


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_tables_and_lines_fit_and_fold_no_word(width: int, tmp_path: Path) -> None:
    shown = demo_on_terminal(tmp_path / "run.log", WIDE, COLUMNS=str(width), TERM="xterm", PYTHONIOENCODING="utf-8")
    lines = re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", shown).replace("\r", "\n").splitlines()
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    for word in ("outputs/day/1-lenet", "completed", "optim.lr=0.01", "model.dropout=0.1", "val perplexity 5.012"):
        assert word in text
    assert ("no room for: optim" in text) == (width == 60)
    assert "batches/s" in (tmp_path / "run.log").read_text(encoding="utf-8")
    assert (re.search("^epoch .*batches/s", text, re.MULTILINE) is None) == (width <= 80)
