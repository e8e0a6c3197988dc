"""A real TensorBoard is served over a real run, asked over loopback, and ended."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from runs import Cli

DLRUN = Path(sys.executable).parent / "dlrun"


def ask(url: str) -> object:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, Path]]:
    """`dlrun tensorboard logs` in that folder -> its address, and the file with what it says."""
    said = folder / "said"
    with open(said, "w") as out:
        server = subprocess.Popen(
            [DLRUN, "tensorboard", "logs", "--port", "0"],
            cwd=folder,
            stdout=out,
            stderr=out,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
    try:
        deadline = time.monotonic() + 60
        while not (found := re.search(r"http://\S+?:(\d+)/", said.read_text())):
            assert time.monotonic() < deadline and server.poll() is None, said.read_text()
            time.sleep(0.1)
        yield found[0], said
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=20) == 0


@pytest.mark.slow
def test_serves_the_curves_of_a_run_to_this_machine_alone(cli: Cli, tmp_path: Path) -> None:
    assert cli("trainer.epochs=3", "folder=logs/run")[0] == 0
    for module in ("tensorboard", "socket", "torch", "yaml", "sitecustomize"):  # what lies there is not imported
        (tmp_path / f"{module}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write('{module} ')\n")
    with served(tmp_path) as (url, said):
        assert url.startswith("http://127.0.0.1:")
        deadline = time.monotonic() + 60
        while ask(f"{url}data/runs") != ["run"]:  # it reads the folder in the background
            assert time.monotonic() < deadline
            time.sleep(0.2)
        curve = ask(f"{url}data/plugin/scalars/scalars?run=run&tag=val/mse")
        assert isinstance(curve, list) and [point[1] for point in curve] == [80, 160, 240]
    assert not (tmp_path / "ran").exists()
    assert said.read_text() == f"serving logs at {url} (Ctrl-C ends it)\n"


def test_an_address_that_can_not_be_served_is_one_message(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "outputs").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, _, err = cli("tensorboard", "--port", port)
    assert (code, err) == (
        2,
        f"error: Port {port} is in use, maybe by another TensorBoard. --port 0 takes a free one.\n",
    )
    code, _, err = cli("tensorboard", "--port", "65536")
    assert code == 2 and "--port: 65536: it must be from 0 to 65,535" in " ".join(err.split())
    code, _, err = cli("tensorboard", "--host", "no.such.host.invalid")
    assert code == 2 and "It can't be served at no.such.host.invalid, port 6006" in " ".join(err.split())
