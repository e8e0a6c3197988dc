"""What a run's folder keeps, when it is damaged, gone, or somebody else's: said in one line, and nothing is lost."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
from runs import Cli, Run, alike

from dlrun.cli import exit_code

TINY = ("model=linear", "trainer.limit_batches=4", "batch_size=8", "trainer.log_every_steps=1")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three passes of four steps each; each test gets a copy, which it may damage."""
    folder = tmp_path_factory.mktemp("trained") / "r"
    assert exit_code([*TINY, "trainer.epochs=3", f"folder={folder}"]) == 0
    return folder


@pytest.fixture
def run(trained: Path, cli: Cli, tmp_path: Path) -> Path:
    return shutil.copytree(trained, tmp_path / "r")


def flip(path: Path) -> None:
    """One bit in the middle of the largest part: a number becomes another one, and torch.load sees nothing."""
    parts = zipfile.ZipFile(path).infolist()
    largest = max((part for part in parts if "/data/" in part.filename), key=lambda part: part.file_size)
    content = bytearray(path.read_bytes())
    start = largest.header_offset + 30 + int.from_bytes(content[largest.header_offset + 26 :][:2], "little")
    start += int.from_bytes(content[largest.header_offset + 28 :][:2], "little")
    content[start + largest.file_size // 2] ^= 0x40
    path.write_bytes(content)


def test_a_flipped_bit_is_seen(run: Path, cli: Cli) -> None:
    flip(run / "checkpoints/best.pt")
    code, out, err = cli("eval", "r")
    assert (code, out) == (2, "")
    assert err.startswith("error: r/checkpoints/best.pt is damaged and can't be loaded (the checksum of ")


@pytest.mark.parametrize("harm", ["flip", "cut"])
def test_a_damaged_last_one_gives_way_to_the_one_before(harm: str, run: Path, cli: Cli, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "whole")
    assert cli("resume", "whole", "trainer.epochs=5")[0] == 0
    last = run / "checkpoints/last.pt"
    flip(last) if harm == "flip" else last.write_bytes(last.read_bytes()[:-100])
    code, _, err = cli("resume", "r", "trainer.epochs=5")
    assert code == 0
    assert "warning: r/checkpoints/last.pt is damaged and can't be loaded" in err
    assert "going on from previous.pt instead: what was trained after step 12 is trained again" in err.replace(
        "\n", " "
    )
    one, whole = Run(run), Run(tmp_path / "whole")
    assert one.numbers == whole.numbers and alike(one.weights(), whole.weights())


def test_then_to_the_best_one(run: Path, cli: Cli, tmp_path: Path) -> None:
    for name in ("last", "previous"):
        flip(run / f"checkpoints/{name}.pt")
    code, _, err = cli("resume", "r", "trainer.epochs=4")
    assert code == 0 and "going on from best.pt instead" in err
    steps = [line["step"] for line in Run(run).metrics if "train/loss" in line]
    assert steps == sorted(set(steps)) and steps[-1] == 16


def test_a_damaged_best_one_is_found_at_the_start_and_ends_nothing(run: Path, cli: Cli) -> None:
    flip(run / "checkpoints/best.pt")
    code, _, err = cli("resume", "r", "trainer.epochs=4")
    assert code == 0
    assert err.index("best.pt, of step") < err.index("epoch 4/4")
    assert cli("eval", "r")[0] == 0


def test_without_the_last_one_nothing_is_lost_in_silence(run: Path, cli: Cli) -> None:
    assert cli("prune", ".", "--where", "model=linear", "--checkpoints", "--yes")[0] == 0
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["best.pt"]
    before = {path: path.read_bytes() for path in (run / "metrics.jsonl", run / "checkpoints/best.pt")}
    code, _, err = cli("resume", "r", "trainer.epochs=4")
    assert code == 2
    assert err.startswith("error: r has no checkpoints/last.pt: `dlrun prune --checkpoints` removes it.")
    assert "dlrun resume r --checkpoint best" in err
    assert {path: path.read_bytes() for path in before} == before
    assert cli("resume", "r", "trainer.epochs=4", "--checkpoint", "best")[0] == 0
    assert Run(run).summary["epoch"] == 4


def test_a_run_without_any_checkpoint_is_not_begun_anew(run: Path, cli: Cli) -> None:
    shutil.rmtree(run / "checkpoints")
    code, _, err = cli("resume", "r", "trainer.epochs=4")
    assert (code, err) == (2, "error: r has no checkpoint to go on from. To train anew: dlrun rerun r\n")


@pytest.mark.parametrize("place", [0, 3, 99])
def test_bad_lines_of_metrics_are_left_out(place: int, run: Path, cli: Cli) -> None:
    path = run / "metrics.jsonl"
    good = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*good[:place], b"\0\0\0\n", b"{}\n", b"[1\n", b"\n", *good[place:]]))
    code, _, err = cli("resume", "r", "trainer.epochs=4")
    assert code == 0 and "r/metrics.jsonl had 4 damaged lines" in err
    assert path.read_bytes().splitlines(keepends=True)[: len(good)] == good


def test_config_is_only_written_when_the_run_goes_on(run: Path, cli: Cli) -> None:
    for path in (run / "checkpoints").iterdir():
        flip(path)
    before = (run / "config.yaml").read_bytes()
    assert cli("resume", "r", "trainer.epochs=9")[0] == 2
    assert (run / "config.yaml").read_bytes() == before


def test_a_folder_that_cannot_be_written_still_answers(run: Path, cli: Cli) -> None:
    (run / "summary.json").unlink()
    (run / "summary.json").mkdir()  # it can't be replaced, by root neither
    code, out, err = cli("eval", "r", "--json")
    assert code == 0 and "test/mse" in json.loads(out)
    assert "Traceback" not in err


SUMMARIES = {
    "choices null": b'{"status": "completed", "choices": null}',
    "a list": b"[]",
    "digits": b'{"status": "completed", "choices": {}, "step": ' + b"9" * 4300 + b"}",
    "brackets": b"[" * 100_000,
    "a wrong status": b'{"status": ["completed"], "choices": {}}',
    "no UTF-8": b'{"status": "\xff"}',
    "torn": b'{"status": "comple',
    "metrics": b'{"status": "completed", "choices": {}, "metrics": {"val/mse": "low"}}',
    "goal": b'{"status": "completed", "choices": {}, "goal": {"metric": 3}}',
}


@pytest.mark.parametrize("content", SUMMARIES.values(), ids=SUMMARIES)
def test_one_bad_summary_hides_nothing(content: bytes, run: Path, cli: Cli, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "bad")
    (tmp_path / "bad/summary.json").write_bytes(content)
    code, out, _ = cli("runs", ".", "--json")
    assert code == 0
    assert {row["run"]: row["status"] for row in json.loads(out)} == {"bad": "unreadable", "r": "completed"}
    code, out, _ = cli("runs", ".")
    assert code == 0 and "unreadable:" in out
    code, out, err = cli("compare", "r", "bad")
    assert code == 2 and err.startswith("error: bad/summary.json can't be read: ")
    code, out, _ = cli("prune", ".", "--where", "status=unreadable", "--runs", "--yes")
    assert code == 0 and (tmp_path / "bad").exists()


@pytest.mark.parametrize("name", ["summary.json", "config.yaml", "metrics.jsonl", "run.log", "checkpoints/last.pt"])
@pytest.mark.parametrize("kind", ["fifo", "device", "link"])
def test_what_is_no_file_is_neither_waited_for_nor_followed(name: str, kind: str, run: Path, cli: Cli) -> None:
    target = run.parent / "outside"
    target.write_text("mine")
    (run / name).unlink()
    if kind == "fifo":
        os.mkfifo(run / name)
    else:
        (run / name).symlink_to("/dev/zero" if kind == "device" else target)
    for verb in (["runs", "."], ["compare", "r", "r"], ["eval", "r"], ["resume", "r", "trainer.epochs=4"]):
        code, _, err = cli(*verb)
        assert code in (0, 1, 2) and "Traceback" not in err
    assert target.read_text() == "mine"


def test_folders_inside_a_run_are_no_links(run: Path, cli: Cli, tmp_path: Path) -> None:
    shutil.move(run / "checkpoints", tmp_path / "elsewhere")
    (run / "checkpoints").symlink_to(tmp_path / "elsewhere")
    before = (tmp_path / "elsewhere/last.pt").read_bytes()
    assert cli("resume", "r", "trainer.epochs=4")[0] == 2
    assert (tmp_path / "elsewhere/last.pt").read_bytes() == before


def test_yaml_has_no_aliases(run: Path, cli: Cli) -> None:
    path = run / "config.yaml"
    path.write_text("a: &a [x, x]\nb: [*a, *a]\n" + path.read_text())
    code, _, err = cli("eval", "r")
    assert (code, err) == (
        2,
        "error: r/config.yaml can't be read: it has an alias (*a), which no file of dlrun's has\n",
    )


def test_another_tools_folder_is_no_run(cli: Cli, tmp_path: Path) -> None:
    other = tmp_path / "outputs/webapp"
    other.mkdir(parents=True)
    (other / "config.yaml").write_text("name: web\n")
    (other / "summary.json").write_text('{"status": "failed", "tool": "some other tool"}')
    assert cli("prune", "--where", "status=failed", "--runs", "--yes")[0] == 0
    assert (other / "config.yaml").exists()
    assert json.loads(cli("runs", "--json")[1]) == []


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("swept") / "s"
    assert exit_code(["-m", *TINY, "optim.lr=0.1,0.01", "trainer.epochs=1", f"folder={folder}"]) == 0
    return folder


@pytest.mark.parametrize("folder", ["..", ".", "/tmp/x", "0-a/../..", "1-linear", "0-x/y", ""])
def test_a_jobs_folder_is_one_of_the_sweeps_own(folder: str, swept: Path, cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads/thesis.txt").write_text("mine")
    path = shutil.copytree(swept, tmp_path / "downloads/s") / "jobs.jsonl"
    jobs = [json.loads(line) for line in path.read_text().splitlines()]
    shutil.rmtree(tmp_path / "downloads/s" / Path(jobs[0]["config"]["folder"]).name)
    jobs[0]["config"]["folder"] = folder
    path.write_text("".join(json.dumps(job) + "\n" for job in jobs))
    code, _, err = cli("resume", "downloads/s")
    assert code == 2 and err.startswith("error: downloads/s/jobs.jsonl, line 1, can't be read: ")
    assert (tmp_path / "downloads/thesis.txt").read_text() == "mine"
