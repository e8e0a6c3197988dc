"""A notebook that is really executed: a bar in the cell, results, a stop that saves, a sweep.

A test across modules: what is shown in a cell comes from the console, the trainer and the results.
"""

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from runs import Run

TRAIN = """
import dlrun
run = dlrun.train("model=linear", "trainer.epochs=2", "trainer.log_every_steps=10", "device=cpu", "folder=run")
"""
STOPPED = """
import os, signal, threading, time
from pathlib import Path

def stop():  # as the button does
    metrics = Path("stopped/metrics.jsonl")
    while not (metrics.exists() and b"\\n" in metrics.read_bytes()):  # it is there before its first line is
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=stop).start()
try:
    dlrun.train("model=linear", "trainer.epochs=100000", "trainer.log_every_steps=1", "device=cpu", "folder=stopped")
except dlrun.Stopped as stopped:
    print(stopped, stopped.folder.name)
"""
SWEPT = """
board = dlrun.sweep("model=linear", "optim.lr=0.01,0.03", "trainer.epochs=1", "device=cpu", "folder=swept")
board
"""
CELLS = [TRAIN, "run", "run.status = 3", STOPPED, "signal.getsignal(signal.SIGINT).__name__", SWEPT]


def executed(folder: Path) -> list[list[dict[str, Any]]]:
    """Each cell's outputs."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(book, timeout=240, allow_errors=True, resources={"metadata": {"path": folder}}).execute()
    return [cell.outputs for cell in book.cells]


def text(outputs: list[dict[str, Any]]) -> str:
    """What was written, and nothing in red."""
    assert {each.get("name", "stdout") for each in outputs} == {"stdout"}
    return "".join(each["text"] for each in outputs if each["output_type"] == "stream")


@pytest.mark.slow
def test_a_notebook(tmp_path: Path) -> None:
    trained, shown, wrong, stopped, handler, swept = executed(tmp_path)
    bars = [each["data"] for each in trained if each["output_type"] == "display_data"]
    assert [list(bar) for bar in bars] == [["text/plain"]] * 2  # no HTML, no widget: the last drawing of each epoch
    assert bars[1]["text/plain"].startswith("epoch 2/2  loss") and "val mse" in bars[1]["text/plain"]
    assert "training linear (3 parameters)" in text(trained) and "next: dlrun eval run" in text(trained)
    assert shown[0]["data"]["text/plain"].endswith("completed)")
    assert wrong[0]["output_type"] == "error"
    state = Run(tmp_path / "stopped").state()
    assert f"Stopped at step {state['trainer']['step']}. Go on: dlrun resume stopped stopped\n" in text(stopped)
    assert handler[0]["data"]["text/plain"] == "'default_int_handler'"
    assert "leaderboard" in text(swept) and "2 runs" in swept[-1]["data"]["text/plain"]
