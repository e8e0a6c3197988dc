"""How bytes arrive: regular files alone, up to a limit, from servers that drip or hang; each failure in one line."""

import os
import threading
from collections import Counter
from pathlib import Path

import pytest
from loopback import closed_url

from dlrun.errors import DataError
from dlrun.files import download, transport

CONTENT = b"all of it, from the first byte to the last\n" * 1000


def test_no_network_is_known_soon(entry, monkeypatch):
    """Many files and addresses: a port where nobody listens, and a host whose packets get lost. Each is asked once."""
    asked: Counter[str] = Counter()
    probe = transport.probe

    def counted(name: str, url: str, answers: dict[str, str]) -> None:
        asked[name] += 1
        probe(name, url, answers)

    monkeypatch.setattr(transport, "probe", counted)
    monkeypatch.setattr(transport, "web_chunks", lambda *_: pytest.fail("a host that is down was asked for a file"))
    monkeypatch.setattr(transport, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(transport, "PROBE_SECONDS", 1.0)
    monkeypatch.setenv("NO_PROXY", "*")
    closed = closed_url()
    urls = [f"{closed}/a", f"{closed}/b", "http://192.0.2.1/a", "http://no-such-host.invalid/a"]
    table = {f"{number}.zip": entry(CONTENT, *urls) for number in range(10)}
    for _ in range(3):
        with pytest.raises(DataError, match=r"0\.zip, which can not be had"):
            download.get("d", table)
    assert asked == {closed: 1, "http://192.0.2.1": 1, "http://no-such-host.invalid": 1}  # of 120 addresses


def test_a_look_up_that_hangs_does_not_hold_us(entry, monkeypatch):
    """Several at once: all are given up while each of them still hangs."""
    begun, ended, let_go = [], [], threading.Event()

    def hang(name: str, *_: object) -> None:
        begun.append(name)
        let_go.wait(30)
        ended.append(name)

    monkeypatch.setattr(transport, "PROBE_SECONDS", 0.3)
    monkeypatch.setattr(transport, "probe", hang)
    with pytest.raises(DataError, match=r"no answer within 0\.3 s"):
        download.get("d", {"a.zip": entry(CONTENT, *(f"http://slow{n}.invalid/a.zip" for n in range(3)))})
    assert len(begun) == 3 and ended == []
    let_go.set()


def test_an_endless_answer_is_cut_off(server, entry, root) -> None:
    server.files |= {"/endless": "endless", "/a.zip": CONTENT}
    table: download.Files = {"a.zip": {**entry(CONTENT, f"{server.url}/endless"), "bytes": len(CONTENT)}}
    with pytest.raises(DataError, match=f"/endless: it has more than {len(CONTENT):,} bytes"):
        download.get("d", table)
    assert os.listdir(root / "d") == [".lock"]
    table["a.zip"]["urls"].append(f"{server.url}/a.zip")
    assert (download.get("d", table)[0] / "a.zip").read_bytes() == CONTENT


def test_a_server_that_drips_is_given_up(server, entry, monkeypatch) -> None:
    """Each byte comes in time, and so no timeout of a socket ever ends it."""
    monkeypatch.setattr(transport, "SLOW_SECONDS", 0.3)
    server.files |= {"/drips": "drips", "/a.zip": CONTENT}
    table: download.Files = {"a.zip": entry(CONTENT, f"{server.url}/drips")}
    with pytest.raises(DataError, match=r"/drips: it sends \d+ bytes a second"):
        download.get("d", table)
    table["a.zip"]["urls"].append(f"{server.url}/a.zip")
    assert (download.get("d", table)[0] / "a.zip").read_bytes() == CONTENT


# a piece of it


def test_a_folders_file_comes_in_pieces_with_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "CHUNK", 4)
    (tmp_path / "a").write_bytes(b"0123456789")
    assert list(transport.chunks(str(tmp_path / "a"), 10)) == [(b"0123", 10), (b"4567", 10), (b"89", 10)]
    with pytest.raises(transport.Failed, match="it has more than 9 bytes"):
        next(transport.chunks(str(tmp_path / "a"), 9))  # before any of it is kept
    with pytest.raises(transport.Failed, match="^No such file or directory$"):
        list(transport.chunks(str(tmp_path / "b"), 9))


def test_only_a_regular_file_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else None
    for path in (tmp_path / "fifo", tmp_path, Path("/dev/null")):
        with pytest.raises(OSError, match="it is not a file"):
            transport.opened(path)
    assert before is None or len(os.listdir("/proc/self/fd")) <= before  # none is left open


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://example.org:8000/a/b?c", "https://example.org:8000"),
        ("http://127.0.0.1/a", "http://127.0.0.1"),
        ("http://[", "http://["),
    ],
)
def test_the_host_of_an_address(url: str, host: str) -> None:
    assert transport.host(url) == host


def test_an_address_of_the_web() -> None:
    assert transport.is_web("HTTPS://example.org/a") and not transport.is_web("file:///etc/passwd")
    assert not transport.is_web("/data/http://x")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(2, "No such file", "/private/path"), "No such file"),
        (ValueError("first\nsecond"), "first"),
        (ValueError("  "), "ValueError"),
        (ValueError("x" * 500), "x" * 120),
    ],
)
def test_an_error_is_one_short_line(error: Exception, said: str) -> None:
    assert transport.short(error) == said
