"""A real TensorBoard is served over a real run, asked over loopback, and ended."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from dlrun.cli import exit_code


def ask(url: str) -> object:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


@pytest.mark.slow
def test_tensorboard_serves_the_curves_of_a_run(tmp_path: Path) -> None:
    assert exit_code(["trainer.epochs=3", f"folder={tmp_path / 'logs' / 'run'}"]) == 0
    command = [sys.executable, "-m", "dlrun", "tensorboard", str(tmp_path / "logs"), "--port", "0"]
    log = tmp_path / "log"
    with open(log, "w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    try:
        deadline = time.monotonic() + 60
        while not (found := re.search(r"http://\S+?:(\d+)/", log.read_text())):
            assert time.monotonic() < deadline and server.poll() is None, log.read_text()
            time.sleep(0.1)
        base = f"http://localhost:{found[1]}/data"
        while ask(f"{base}/runs") != ["run"]:  # it reads the folder in the background
            assert time.monotonic() < deadline
            time.sleep(0.2)
        curve = ask(f"{base}/plugin/scalars/scalars?run=run&tag=val/mse")
        assert isinstance(curve, list) and [point[1] for point in curve] == [80, 160, 240]
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=20)
