"""`dlrun predict --to FILE`: over nothing that is read, told before the work; and readers that leave."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from runs import Cli

from dlrun.cli import exit_code

SHORT = ["device=cpu", "trainer.max_steps=2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a table with columns a and b."""
    folder = tmp_path_factory.mktemp("a")
    lines = [f"{n % 5},{n % 7},{n % 5 + n % 7}" for n in range(60)]
    (folder / "rows.csv").write_text("\n".join(["a,b,y", *lines]) + "\n")
    own = [f"data={folder}/rows.csv", "data.target=y", "model=linear"]
    assert exit_code([*own, *SHORT, f"folder={folder}/run"]) == 0
    return folder / "run"


def test_what_is_read_is_never_written_over(
    run: Path, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the shell left a ~ as it is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    Path(tmp_path / "new.csv").write_text("a,b\n1,2\n")
    for typed, to in (("~/new.csv", "new.csv"), ("new.csv", "~/new.csv"), ("~/new.csv", "~/new.csv")):
        code, _, err = cli("predict", str(run), typed, "--to", to)
        assert code == 2 and "is what is read. Name another file." in err
    assert Path("new.csv").read_text() == "a,b\n1,2\n"
    assert cli("predict", str(run), "new.csv", "--to", "~/out.csv")[0] == 0 and Path("out.csv").exists()


PLACES = {
    "folder.csv": "folder.csv can't be written: it is a folder.",
    "pipe.csv": "pipe.csv can't be written: it is not a file.",
    "nowhere/out.csv": "nowhere/out.csv can't be written: there is no folder nowhere.",
    "x" * 300 + ".csv": "can't be written: File name too long.",
}


@pytest.mark.parametrize("to", PLACES, ids=lambda to: to[:20])
def test_a_place_that_is_none_is_told_before_anything_is_read(to: str, run: Path, cli: Cli) -> None:
    Path("folder.csv").mkdir()
    os.mkfifo("pipe.csv")
    Path("bad.csv").write_text("c\n1\n")  # a mistake that would be told once it is read
    code, _, err = cli("predict", str(run), "bad.csv", "--to", to)
    assert code == 2 and PLACES[to] in err and "column" not in err
    assert sorted(os.listdir(".")) == ["bad.csv", "folder.csv", "pipe.csv"]


def test_names_that_are_no_utf_8_and_cells_with_escapes(run: Path, cli: Cli) -> None:
    """On a screen they can do nothing; in a file they are what they are."""
    Path("new.csv").write_text('a,b,note\n1,2,"=cmd|x\x1b[2J\r\n\u202e"\n', newline="")
    code, out, err = cli("predict", str(run), "new.csv")
    assert code == 0 and "\x1b" not in out + err
    for name in ("out.csv", "out.jsonl"):
        assert cli("predict", str(run), "new.csv", "--to", name)[0] == 0
    assert '"=cmd|x\x1b[2J\r\n\u202e"' in Path("out.csv").read_bytes().decode()
    assert json.loads(Path("out.jsonl").read_text())["note"] == "=cmd|x\x1b[2J\r\n\u202e"


@pytest.mark.slow
def test_a_pictures_name_that_is_no_utf_8(cli: Cli) -> None:
    draw = np.random.default_rng(0)
    for each in (f"{label}/{n}.png" for label in "ab" for n in range(8)):
        Path("pictures", each).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(Path("pictures", each))
    assert cli("data=pictures", "model=linear", *SHORT, "folder=run")[0] == 0
    Path("new").mkdir()
    os.rename(b"pictures/a/0.png", b"new/\xff.png")
    assert cli("predict", "run", "new", "--to", "out.csv")[0] == 0
    assert Path("out.csv").read_text().splitlines()[1].startswith("new/\\udcff.png,")


@pytest.mark.slow
@pytest.mark.parametrize("begin", [b"", b"a,b\n"])
def test_a_stream_without_end_is_left_when_its_reader_leaves(begin: bytes, run: Path) -> None:
    """`yes … | dlrun predict RUN - | head -1`; of a table as of lines."""
    code = "from dlrun.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "predict", str(run), "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None and process.stdout is not None
    line = b"1,2\n" if begin else b'{"a": 1, "b": 2}\n'
    writer = threading.Thread(target=without_end, args=(process.stdin.fileno(), begin, line))
    writer.start()
    first = json.loads(process.stdout.readline())
    process.stdout.close()
    assert process.wait(timeout=120) == 0 and first["prediction"]
    process.stdin.close()
    writer.join()


def without_end(handle: int, begin: bytes, line: bytes) -> None:
    try:
        os.write(handle, begin)
        while True:
            os.write(handle, line * 1000)
    except OSError:  # nobody reads any more
        return
