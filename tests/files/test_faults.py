"""All ways in which files are kept, and so no single module's: what is in the way, full disks, kills, folders that may
not be written."""

import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dlrun.errors import DataError
from dlrun.files import download, stand_ins
from dlrun.files.cache import prepared

BIG = bytes(200_000)
CONTENT = b"all of it, from the first byte to the last\n" * 1000


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")


# mirrors


def fifo(path: Path) -> None:
    os.mkfifo(path)


def huge(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(50 << 30)  # sparse: no disk holds it


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        before = os.getcwd()
        os.chdir(path.parent)  # a socket's name may have 107 bytes only
        made.bind(path.name)
        os.chdir(before)


IN_THE_WAY: dict[str, tuple[Callable[[Path], object], str]] = {
    "fifo": (fifo, "it is not a file"),
    "socket": (listening, "No such device or address"),
    "zeros": (lambda path: path.symlink_to("/dev/zero"), "it is not a file"),
    "terminal": (lambda path: path.symlink_to("/dev/tty"), ""),
    "folder": (Path.mkdir, "it is not a file"),
    "huge": (huge, "it has more than 43,000 bytes"),
    "dangling": (lambda path: path.symlink_to("nowhere"), "No such file or directory"),
    "loop": (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    "empty": (Path.touch, "not the expected file"),
}


@pytest.mark.parametrize("kind", IN_THE_WAY)
def test_what_is_no_file_is_passed_and_the_next_mirror_tried(kind, entry, root, tmp_path, monkeypatch) -> None:
    make, reason = IN_THE_WAY[kind]
    for mirror in ("m1", "m2"):
        (tmp_path / mirror / "d").mkdir(parents=True)
    make(tmp_path / "m1/d/a.zip")
    table: download.Files = {"a.zip": {**entry(CONTENT), "bytes": len(CONTENT)}}
    monkeypatch.setenv("DLRUN_MIRRORS", f"{tmp_path}/m1")
    with pytest.raises(DataError) as caught:
        download.get("d", table)
    assert f"{tmp_path}/m1/d/a.zip: {reason}" in str(caught.value)
    assert os.listdir(root / "d") == [".lock"]

    (tmp_path / "m2/d/b").write_bytes(CONTENT)
    (tmp_path / "m2/d/a.zip").symlink_to("b")  # a link in a mirror is the user's own
    monkeypatch.setenv("DLRUN_MIRRORS", f"{tmp_path}/m1,{tmp_path}/m2")
    assert (download.get("d", table)[0] / "a.zip").read_bytes() == CONTENT


def test_without_a_known_size_half_of_the_free_disk_is_the_limit(root, entry) -> None:
    root.mkdir()
    free = shutil.disk_usage(root).free
    assert download.room(root, {"bytes": 7}) == 7
    assert download.room(root, entry(CONTENT)) == pytest.approx(free // 2, rel=0.1)


@pytest.mark.parametrize(
    "mirror", ["http://[", "~nosuch/x", "http://", "file:///etc", "http://127.0.0.1:99999999", ",,"]
)
def test_odd_mirrors_are_told_in_one_message(mirror, cli, root, monkeypatch) -> None:
    monkeypatch.setenv("DLRUN_MIRRORS", mirror)
    code, _, err = cli("fetch", "fr_en")
    assert (code, err.count("error:")) == ((2, 1) if mirror.startswith("~") else (3, 1)) and "Traceback" not in err
    assert mirror.strip(",").removesuffix("///etc").rstrip("/") in err


@pytest.mark.parametrize("where", ["~nosuch/x", "/dev/null", "/dev/null/x", "/proc/nosuch/x", "x" * 300])
@pytest.mark.parametrize("arguments", [("fetch", "fr_en"), ("data=fr_en", "model=seq2seq", "stand_in=always")])
def test_an_odd_folder_for_data_is_told_in_one_message(where, arguments, cli, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("DLRUN_DATA", where)
    code, out, err = cli(*arguments)
    assert (code, err.count("error:")) == (2 if where[0] == "~" else 3, 1) and "Traceback" not in err
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("all", "nosuch"), "There is no data nosuch to fetch."),
        (("nosuch", "all"), "There is no data nosuch to fetch."),
        (("../ptb",), "There is no data ../ptb to fetch. Did you mean ptb?"),
    ],
)
def test_fetch_names_what_there_is_not(names, message, cli, root) -> None:
    code, _, err = cli("fetch", *names)
    assert code == 2 and message in err and not root.exists()


# what lies in the cache


@pytest.mark.parametrize("kind", [*IN_THE_WAY, "sidecar"])
def test_what_lies_in_the_place_of_a_file_is_replaced(kind, entry, root, tmp_path, monkeypatch) -> None:
    """But for a folder, which is told. Nothing hangs, and nothing is written through a link."""
    table: download.Files = {"a.zip": entry(CONTENT)}
    (tmp_path / "mirror/d").mkdir(parents=True)
    (tmp_path / "mirror/d/a.zip").write_bytes(CONTENT)
    monkeypatch.setenv("DLRUN_MIRRORS", f"{tmp_path}/mirror")
    (root / "d").mkdir(parents=True)
    IN_THE_WAY.get(kind, IN_THE_WAY["fifo"])[0](root / "d" / (download.SIDECAR if kind == "sidecar" else "a.zip"))
    if kind == "huge":
        os.truncate(root / "d/a.zip", 1 << 20)
    assert kind == "folder" or download.status("d", table) != "whole"
    if kind == "folder":
        with pytest.raises(DataError, match="d can not be used: Is a directory"):
            download.get("d", table)
        return
    download.get("d", table)
    assert (root / "d/a.zip").read_bytes() == CONTENT and not (root / "d/a.zip").is_symlink()


def test_nothing_is_written_through_a_linked_folder(entry, root, tmp_path, monkeypatch) -> None:
    (tmp_path / "mirror/d").mkdir(parents=True)
    (tmp_path / "mirror/d/a.zip").write_bytes(CONTENT)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("DLRUN_MIRRORS", f"{tmp_path}/mirror")
    root.mkdir()
    for name in ("d", "stand-in"):
        (root / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="d can not be used: it is a link, and nothing is written through one"):
        download.get("d", {"a.zip": entry(CONTENT)})
    with pytest.raises(DataError, match="it is a link"):
        stand_ins.stand_in("d", stand_ins.StandIn("1", lambda folder: None, {}))
    assert os.listdir(tmp_path / "elsewhere") == []
    (tmp_path / "elsewhere/a.zip").write_bytes(CONTENT)  # the user's own, and whole: read it is
    assert download.get("d", {"a.zip": entry(CONTENT)})[0] == root / "d"


def test_a_remembered_digest_that_is_damaged_costs_a_look_at_the_file(entry, root) -> None:
    (root / "d").mkdir(parents=True)
    (root / "d/a.zip").write_bytes(CONTENT)
    table: download.Files = {"a.zip": entry(CONTENT)}
    good = download.get("d", table)[1]
    path = root / "d" / download.SIDECAR
    known = json.loads(path.read_text())
    wrong: object
    for wrong in ("0" * 64, "", None, 5, [], {}):
        path.write_text(json.dumps({"a.zip": known["a.zip"] | {"sha256": wrong}}))
        assert download.get("d", table)[1] == good
    for text in ("[" * 100_000, '{"a.zip": ' * 50_000, "9" * 5000, "\0", '{"a.zip": {"stamp": 1e999}}', "\ud800"):
        path.write_text(text, errors="surrogatepass")
        assert download.status("d", table) == "whole"


def test_what_a_killed_process_left_is_cleared_away(entry, root, tmp_path) -> None:
    (root / "d").mkdir(parents=True)
    (root / "d/a.zip").write_bytes(CONTENT)
    for left in (f".a.zip.{'0' * 16}.tmp", f"{download.SIDECAR}.{'a' * 16}.tmp", f"{download.SIDECAR}.123"):
        (root / "d" / left).write_text("half")
    download.get("d", {"a.zip": entry(CONTENT)})
    assert {path.name for path in (root / "d").iterdir()} == {"a.zip", ".lock", download.SIDECAR}

    half = root / "stand-in" / f".d-1.{'0' * 16}.tmp"
    half.mkdir(parents=True)
    (half / "a.txt").write_text("half")
    stand_ins.stand_in("d", stand_ins.StandIn("1", lambda folder: shutil.copy(root / "d/a.zip", folder / "a.txt"), {}))
    assert {path.name for path in half.parent.iterdir()} == {".lock", "d-1"}


def everything(table: dict) -> tuple:
    """Gets a dataset, makes a stand-in, prepares tensors."""
    folder, digests = download.get("d", table)
    big = stand_ins.StandIn("1", lambda folder: [(folder / f"{n}").write_bytes(BIG) for n in range(3)], {})
    made = stand_ins.stand_in("d", big)
    return folder, digests, made, len(prepared("d", {}, lambda: {"x": torch.zeros(len(BIG))})["x"])


@pytest.mark.parametrize("seed", [1])
def test_killed_at_any_moment(seed, entry, root, tmp_path, monkeypatch) -> None:
    """What the next process finds or makes is whole, and nothing temporary is left. More seeds, more moments."""
    (tmp_path / "m/d").mkdir(parents=True)
    (tmp_path / "m/d/a.zip").write_bytes(BIG)
    monkeypatch.setenv("DLRUN_MIRRORS", f"{tmp_path}/m")
    table, draw, killed = {"a.zip": entry(BIG)}, random.Random(seed), 0
    context = multiprocessing.get_context("fork")
    everything(table)  # whatever is imported only when it is needed
    shutil.rmtree(root)
    before = time.monotonic()
    (process := context.Process(target=everything, args=(table,))).start()
    process.join()
    takes = time.monotonic() - before
    for _ in range(20):
        shutil.rmtree(root)
        for _ in range(2):
            process = context.Process(target=everything, args=(table,))
            process.start()
            process.join(draw.uniform(0, takes))
            process.kill()
            process.join()
            killed += process.exitcode == -signal.SIGKILL
        folder, _, (made, digests), count = everything(table)
        assert (folder / "a.zip").read_bytes() == BIG and count == len(BIG)
        assert [(made / name).read_bytes() == BIG for name in digests] == [True] * 3
        assert not [path for path in root.rglob("*") if path.name.endswith((".tmp", ".part"))]
    assert killed > 0


# disks


def limited(do: Callable[[], object], *, size: int | None = None, user: int | None = None, **env: str) -> Any:
    """What a process of its own answers that may write files of `size` bytes at most, or is another user."""
    import filelock  # noqa: F401 - while it may still be read
    import httpx  # noqa: F401

    def limits() -> None:
        os.environ.update(env)
        tempfile.tempdir = None
        if size is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        if user is not None:
            os.setuid(user)
        try:
            writer.send(do())
        except DataError as error:
            writer.send(str(error))

    context = multiprocessing.get_context("fork")
    reader, writer = context.Pipe(False)
    process = context.Process(target=limits)
    process.start()
    writer.close()
    answer = reader.recv()
    process.join()
    return answer


def test_a_disk_that_fills_up(entry, root, tmp_path) -> None:
    (tmp_path / "m/d").mkdir(parents=True)
    (tmp_path / "m/d/a.zip").write_bytes(CONTENT)
    table: download.Files = {"a.zip": entry(CONTENT)}
    said = limited(lambda: download.get("d", table), size=1000, DLRUN_MIRRORS=str(tmp_path / "m"))
    assert said == (
        f"{root}/d can not be used: File too large. Make room there, or set DLRUN_DATA=<a folder that can be written>."
    )
    assert os.listdir(root / "d") == [".lock"]
    folder, _ = limited(lambda: download.get("d", table), DLRUN_MIRRORS=str(tmp_path / "m"), TMPDIR="/nosuch")
    assert (folder / "a.zip").read_bytes() == CONTENT


def test_a_disk_that_fills_up_while_something_is_kept(root) -> None:
    """A stand-in can't be had then; prepared tensors are, and are made again the next time."""
    big = stand_ins.StandIn("1", lambda folder: (folder / "a").write_bytes(bytes(5000)), {})
    said = limited(lambda: stand_ins.stand_in("d", big), size=1000)
    assert f"{root}/stand-in/d-1 can not be used: File too large." in said
    assert limited(lambda: prepared("d", {}, lambda: {"x": "y" * 5000}), size=1000) == {"x": "y" * 5000}
    left = {path.name for path in root.rglob("*") if path.is_file()}
    assert all(name.endswith(".lock") for name in left), left


def test_whole_files_in_a_read_only_folder_are_enough(entry, root, tmp_path) -> None:
    if os.geteuid():
        user = None
        mode = 0o555
    else:  # who may write everywhere
        user, mode = 65534, 0o755
    (root / "d").mkdir(parents=True)
    (root / "d/a.zip").write_bytes(CONTENT)
    for path in (root / "d", root):
        path.chmod(mode)
    for path in (tmp_path, *tmp_path.parents):
        if path.name.startswith(("test_", "pytest-", "popen-")):
            path.chmod(0o755)
    table: download.Files = {"a.zip": entry(CONTENT)}
    _, digests = limited(lambda: download.get("d", table), user=user)
    assert list(digests) == ["a.zip"]
    said = limited(lambda: download.get("d", {"b.zip": entry(CONTENT)}), user=user)
    assert "d can not be used: Permission denied. Make room there, or set DLRUN_DATA=" in said


def test_a_path_that_is_no_text(entry, tmp_path, monkeypatch, cli) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/\xff \xe4")
    monkeypatch.setenv("DLRUN_DATA", f"{odd}/data")
    monkeypatch.setenv("DLRUN_MIRRORS", f"{odd}/mirror")
    os.makedirs(f"{odd}/mirror/d")
    Path(odd, "mirror/d/a.zip").write_bytes(CONTENT)
    assert (download.get("d", {"a.zip": entry(CONTENT)})[0] / "a.zip").read_bytes() == CONTENT
    assert cli("fetch")[0] == 0 and cli("fetch", "--json")[0] == 0
    assert cli("fetch", "fr_en")[0] == 3
    assert cli("data=airfoil", "stand_in=always", "trainer.max_steps=1", "folder=run")[0] == 0
