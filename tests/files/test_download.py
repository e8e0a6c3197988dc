"""Getting files: what counts, what is repaired, what each failure says."""

import errno
import hashlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from loopback import closed_url

from dlrun.errors import DataError
from dlrun.files import download, transport

CONTENT = b"all of it, from the first byte to the last\n" * 1000


def test_a_download_is_whole_and_is_not_repeated(server, entry, root):
    server.files["/a.zip"] = CONTENT
    table = {"a.zip": entry(CONTENT, f"{server.url}/a.zip")}
    seen = []
    folder, digests = download.get("d", table, progress=lambda *said: seen.append(said))
    assert folder == root / "d" and (folder / "a.zip").read_bytes() == CONTENT
    assert digests == {"a.zip": hashlib.sha256(CONTENT).hexdigest()}
    assert seen[-1] == ("a.zip", len(CONTENT), len(CONTENT))
    assert download.get("d", table) == (folder, digests)
    assert server.gets["/a.zip"] == 1
    assert {path.name for path in folder.iterdir()} <= {"a.zip", ".lock", download.SIDECAR}  # no temporary file is left


def test_a_gz_comes_as_it_is_even_if_the_server_calls_it_an_encoding(server, entry, monkeypatch):
    import gzip

    packed = gzip.compress(CONTENT, mtime=0)
    server.files["/a.gz"] = packed
    handler = server.http.RequestHandlerClass
    end = handler.end_headers

    def end_headers(self):
        self.send_header("Content-Encoding", "gzip")
        end(self)

    monkeypatch.setattr(handler, "end_headers", end_headers)
    folder, _ = download.get("d", {"a.gz": entry(packed, f"{server.url}/a.gz")})
    assert (folder / "a.gz").read_bytes() == packed


@pytest.mark.parametrize("damage", [b"", CONTENT[:-1], CONTENT[:-1] + b"X"], ids=["empty", "truncated", "altered"])
def test_a_damaged_file_is_noticed_and_got_again(server, entry, damage):
    server.files["/a.zip"] = CONTENT
    table = {"a.zip": entry(CONTENT, f"{server.url}/a.zip")}
    folder, _ = download.get("d", table)
    (folder / "a.zip").write_bytes(damage)
    assert download.status("d", table) == "damaged"
    download.get("d", table)
    assert (folder / "a.zip").read_bytes() == CONTENT and server.gets["/a.zip"] == 2
    assert download.status("d", table) == "whole"


def test_same_size_and_set_back_time_do_not_hide_a_change(server, entry):
    server.files["/a.zip"] = CONTENT
    table = {"a.zip": entry(CONTENT, f"{server.url}/a.zip")}
    path = download.get("d", table)[0] / "a.zip"
    before = path.stat()
    time.sleep(0.02)
    path.write_bytes(CONTENT[:-1] + b"X")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert download.status("d", table) == "damaged"


def test_a_damaged_file_that_can_not_be_replaced_says_what_it_is(root, entry):
    url = closed_url()
    (root / "d").mkdir(parents=True)
    (root / "d" / "a.zip").write_bytes(b"half")
    with pytest.raises(DataError) as caught:
        download.get("d", {"a.zip": entry(CONTENT, f"{url}/a.zip")})
    first, damaged, failed, advice = str(caught.value).splitlines()
    assert first == "d needs a.zip, which can not be had:"
    found, expected = (hashlib.sha256(content).hexdigest() for content in (b"half", CONTENT))
    assert damaged == (
        f"  {root}/d/a.zip: not the expected file: 4 bytes of sha256 {found}; expected is sha256 {expected}"
    )
    assert failed.startswith(f"  {url}/a.zip: no connection (")
    assert advice == f"Put a.zip into {root}/d yourself, or set DLRUN_MIRRORS=<folder or URL that has d/a.zip>."
    assert (root / "d" / "a.zip").read_bytes() == b"half"  # the user's file is left alone


def test_status_without_files(root, entry):
    assert download.status("d", {"a.zip": entry(CONTENT)}) == "missing"
    assert not root.exists()


@pytest.mark.slow
def test_the_next_address_is_tried_and_each_failure_is_told(server, entry, monkeypatch):
    monkeypatch.setattr(transport, "STALL_SECONDS", 0.3)
    server.files |= {"/html": b"<html>Sign in</html>", "/broken": "breaks off", "/stalls": "stalls"}
    urls = [f"{server.url}/{path}" for path in ("gone", "html", "broken", "stalls")]
    with pytest.raises(DataError) as caught:
        download.get("d", {"a.zip": entry(CONTENT, *urls)})
    gone, html, broken, stalled = (
        line.strip().removeprefix(server.url) for line in str(caught.value).splitlines()[1:5]
    )
    assert gone == "/gone: the server answers 404 Not Found"
    assert html.startswith("/html: not the expected file: 20 bytes of sha256 ")
    assert broken.startswith("/broken: ") and "500 bytes" in broken
    assert stalled == "/stalls: no answer within 0.3 s"

    server.files["/good"] = CONTENT
    folder, _ = download.get("d", {"a.zip": entry(CONTENT, *urls, f"{server.url}/good")})
    assert (folder / "a.zip").read_bytes() == CONTENT


def got(table: download.Files, out: Any) -> None:
    out.send(download.get("d", table)[1]["a.zip"])


def test_twenty_processes_download_once(server, entry, root):
    import httpx  # noqa: F401 - for all of them, who would import it each for itself

    server.files["/a.zip"] = CONTENT
    server.delay = 0.5
    table, context = {"a.zip": entry(CONTENT, f"{server.url}/a.zip")}, multiprocessing.get_context("fork")
    started = []
    for _ in range(20):
        reader, writer = context.Pipe(False)
        started.append((context.Process(target=got, args=(table, writer)), reader))
        started[-1][0].start()
        writer.close()
    assert {reader.recv() for _, reader in started} == set(table["a.zip"]["sha256"])
    for process, _ in started:
        process.join(60)
        assert process.exitcode == 0
    assert server.gets["/a.zip"] == 1


def test_a_killed_download_leaves_nothing_that_counts(server, entry, root):
    server.files["/a.zip"] = "stalls"
    table = {"a.zip": entry(CONTENT, f"{server.url}/a.zip")}
    code = f"from dlrun.files import download; download.get('d', {table!r})"
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 20
    while not list((root / "d").glob(".a.zip.*.tmp")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL and list((root / "d").glob(".a.zip.*.tmp"))  # it was in the midst of it
    assert download.status("d", table) == "missing"
    server.files["/a.zip"] = CONTENT
    folder, _ = download.get("d", table)
    assert (folder / "a.zip").read_bytes() == CONTENT
    assert {path.name for path in folder.iterdir()} == {"a.zip", ".lock", download.SIDECAR}


def test_mirrors_come_first_as_folders_and_as_urls(server, entry, tmp_path, monkeypatch, root):
    (tmp_path / "mirror" / "d").mkdir(parents=True)
    (tmp_path / "mirror" / "d" / "a.zip").write_bytes(CONTENT)
    server.files["/m/d/b.zip"] = CONTENT
    server.files["/a.zip"] = server.files["/b.zip"] = CONTENT
    monkeypatch.setenv("DLRUN_MIRRORS", f"{tmp_path}/mirror, {server.url}/m/")
    table = {file: entry(CONTENT, f"{server.url}/{file}") for file in ("a.zip", "b.zip")}
    download.get("d", table)
    assert dict(server.gets) == {"/m/d/b.zip": 1}


def test_a_mirrors_folder_asks_no_network(entry, tmp_path, monkeypatch):
    (tmp_path / "mirror" / "d").mkdir(parents=True)
    (tmp_path / "mirror" / "d" / "a.zip").write_bytes(CONTENT)
    monkeypatch.setenv("DLRUN_MIRRORS", str(tmp_path / "mirror"))
    monkeypatch.setattr(transport, "probe", lambda *_: pytest.fail("the network was asked"))
    monkeypatch.setattr(transport, "web_chunks", lambda *_: pytest.fail("the network was asked"))
    download.get("d", {"a.zip": entry(CONTENT, "http://127.0.0.1:9/a.zip")})


def test_a_wrong_mirror_is_told_and_passed(server, entry, tmp_path, monkeypatch):
    (tmp_path / "m1" / "d").mkdir(parents=True)
    (tmp_path / "m1" / "d" / "a.zip").write_bytes(b"old")
    monkeypatch.setenv("DLRUN_MIRRORS", f"{tmp_path}/m1,{tmp_path}/m2")
    with pytest.raises(DataError) as caught:
        download.get("d", {"a.zip": entry(CONTENT)})
    lines = str(caught.value).splitlines()
    assert lines[1] == f"  {tmp_path}/m1/d/a.zip: not the expected file"
    assert lines[2] == f"  {tmp_path}/m2/d/a.zip: No such file or directory"
    server.files["/a.zip"] = CONTENT
    download.get("d", {"a.zip": entry(CONTENT, f"{server.url}/a.zip")})


def test_a_listed_sha1_counts_too(server, root):
    server.files["/a.zip"] = CONTENT
    table: download.Files = {
        "a.zip": {
            "sha256": ["0" * 64],
            "sha1": [hashlib.sha1(CONTENT).hexdigest()],
            "urls": [f"{server.url}/a.zip"],
        }
    }
    _, digests = download.get("d", table)
    assert digests == {"a.zip": hashlib.sha256(CONTENT).hexdigest()}
    assert download.status("d", table) == "whole"


def test_a_folder_that_can_not_be_written(entry, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path / "file"))
    with pytest.raises(DataError) as caught:
        download.get("d", {"a.zip": entry(CONTENT)})
    assert str(caught.value) == (
        f"{tmp_path}/file/d can not be used: Not a directory. "
        "Make room there, or set DLRUN_DATA=<a folder that can be written>."
    )


def test_a_full_disk(server, entry, root, monkeypatch):
    server.files["/a.zip"] = CONTENT

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    table = {"a.zip": entry(CONTENT, f"{server.url}/a.zip")}
    with pytest.raises(DataError, match="No space left on device. Make room there, or set DLRUN_DATA="):
        download.get("d", table)
    assert download.status("d", table) == "missing" and not list((root / "d").glob("*.tmp"))


def test_a_broken_sidecar_is_no_obstacle(server, entry, root):
    server.files["/a.zip"] = CONTENT
    table = {"a.zip": entry(CONTENT, f"{server.url}/a.zip")}
    download.get("d", table)
    for broken in ("", "[1]", '{"a.zip": 3}', "{"):
        (root / "d" / download.SIDECAR).write_text(broken)
        assert download.status("d", table) == "whole"


def test_getting_files_needs_neither_torch_nor_hydra():
    late = ("torch", "hydra", "httpx", "filelock")
    code = f"import sys, dlrun.files.download; print([m for m in {late} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
