"""A sweep's live table in a real terminal: at each width every line fits, and what tells jobs apart can be read."""

import os
import pty
import re
import select
import struct
import sys
import termios
from fcntl import ioctl

import pytest

DEMO = """
import time
from dlrun.sweep.table import LiveTable
titles = {job: f"optim.lr=0.000117571435143956{job} model.dropout=0.{job}" for job in range(12)}
with LiveTable(titles, 2) as shown:
    for job in (0, 1):
        shown.note(job, "running")
    shown.note_result(0, {"best": 0.86712, "mode": "max", "duration_s": 8.0})
    shown.note(0, "completed", "val/accuracy 0.8671  8.0 s")
    shown.note(2, "running")
    shown.drawn = 0.0
    shown.at(1, "epoch 3/10", 0.4, 75.0, {"loss": 0.4321, "accuracy": 0.8123})
    time.sleep(0.1)
"""


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_the_live_table_fits(width: int) -> None:
    child, ours = pty.fork()
    if child == 0:
        os.environ |= {"TERM": "xterm-256color", "NO_COLOR": "1", "COLUMNS": str(width), "LINES": "30"}
        os.execv(sys.executable, [sys.executable, "-c", DEMO])
    ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 30, width, 0, 0))
    raw = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            raw += os.read(ours, 65536)
        except OSError:  # it has ended
            break
    assert os.waitpid(child, 0)[1] == 0, raw.decode()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw.decode()).replace("\r", "\n")
    lines = [line.rstrip() for line in text.split("\n")]
    assert max(len(line) for line in lines if not line.startswith(("job 0 ", "job 1 ", "job 2 "))) <= width
    whole = [line for line in lines if "jobs ended" in line][-1]
    assert (
        whole == "1 of 12 jobs ended  best 0.8671 (job 0)  1:14 left"[:width]
    )  # two at a time: 75 s are left of one, and nine of 8 s wait
    job = [line for line in lines if line.startswith("1     ")][-1]
    assert "running" in job and "3/10 40%" in job and "1:15" in job
    assert ("optim.lr=0.0001176 model.dropout=0.1" in job) == (width >= 80)
    assert ("loss 0.4321" in job) == (width >= 100)
    assert "9 more wait" in lines
