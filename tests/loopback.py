"""Fixtures for what reads and fetches files: a data folder of the test's own, and servers on the loopback."""

import hashlib
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dlrun.files import transport


@pytest.fixture(scope="session")
def shared_root() -> tuple[str, str]:
    """$DLRUN_DATA and $DLRUN_MIRRORS as the tests were started: what is got and prepared there serves all of them."""
    return os.environ["DLRUN_DATA"], os.environ.get("DLRUN_MIRRORS", "")


@pytest.fixture(autouse=True)
def root(shared_root: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("DLRUN_MIRRORS", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(transport, "_down", {})
    return tmp_path / "data"


class Server:
    """Answers GET as `files` says: path -> bytes, or a way to go wrong; counts the requests for each path."""

    def __init__(self) -> None:
        self.files: dict[str, bytes | str] = {}
        self.gets: Counter[str] = Counter()
        self.delay = 0.0  # seconds in the middle of each file
        self.closing = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_HEAD(self) -> None:
                self.send_response(405)
                self.end_headers()

            def do_GET(self) -> None:
                server.gets[self.path] += 1
                server.answer(self, server.files.get(self.path, "404"))

        class Http(ThreadingHTTPServer):
            request_queue_size = 128  # twenty processes may knock at once

        self.http = Http(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler, content: bytes | str) -> None:
        if content == "404":
            return request.send_error(404)
        if content in ("endless", "drips"):
            request.send_response(200)
            request.end_headers()
            with suppress(OSError):
                while not self.closing.wait(0.05 if content == "drips" else 0):
                    request.wfile.write(bytes(1 if content == "drips" else 1 << 16))
            return None
        body = b"0123456789" * 100 if isinstance(content, str) else content
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: len(body) // 2])
        request.wfile.flush()
        if content == "breaks off":
            return request.connection.close()
        if content == "stalls":
            self.closing.wait(20)
            return None
        time.sleep(self.delay)
        request.wfile.write(body[len(body) // 2 :])
        return None

    def close(self) -> None:
        self.closing.set()
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def entry() -> Callable[..., dict]:
    """entry(content, url, ...) -> the file's line in a table."""

    def make(content: bytes, *urls: str) -> dict:
        return {"sha256": [hashlib.sha256(content).hexdigest()], "urls": list(urls)}

    return make


def closed_url() -> str:
    """An address on the loopback where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
