"""A run's folder: where it may lie, how one is found, what it keeps, and that nobody else works in it."""

import json
import os
import time
from pathlib import Path

import filelock
import pytest
from PIL import Image
from runs import Cli, Run

from dlrun.errors import UserError
from dlrun.run.folder import RunDir, best_checkpoint, event_files, find_runs

TINY = ("trainer.epochs=1", "data.n=30")
BYTES = os.fsdecode(b"a\xffb")  # no UTF-8


@pytest.mark.parametrize("name", ["a b", "中文", "it's", "-x", "last", "é", BYTES, "a,b=c", "$HOME", "[x]"])
def test_a_folder_of_any_name(name: str, cli: Cli, tmp_path: Path) -> None:
    """Trained, evaluated, gone on with, listed."""
    folder = f"folder='{name}'" if name == "[x]" else f"folder={name}"  # unquoted, that is a list to Hydra
    assert cli(*TINY, folder)[0] == 0
    typed = f"./{name}"
    assert cli("eval", typed)[0] == 0
    assert cli("resume", typed, "trainer.epochs=2")[0] == 0
    assert [row["status"] for row in json.loads(cli("runs", ".", "--json")[1])] == ["completed"]
    assert len(list((tmp_path / name).glob("events.out.tfevents.*"))) == 2


@pytest.mark.parametrize("name", ["it's", "-x", "last", BYTES])
def test_a_sweep_of_such_a_name(name: str, cli: Cli) -> None:
    assert cli("-m", *TINY, "optim.lr=0.1,0.2", f"folder={name}")[0] == 0
    assert cli("resume", f"./{name}", "--extend", "optim.lr=0.3")[0] == 0
    assert [row["status"] for row in json.loads(cli("runs", ".", "--json")[1])] == ["completed"] * 3


def test_outputs_may_be_a_link_of_the_users_own(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "outputs").symlink_to(tmp_path / "elsewhere")
    assert cli(*TINY)[0] == 0
    assert cli("resume", "last", "trainer.epochs=2")[0] == 0
    assert len(json.loads(cli("runs", "--json")[1])) == 1
    assert len(list((tmp_path / "elsewhere").rglob("last.pt"))) == 1


@pytest.mark.parametrize("folder", ["nowhere", "full"])
def test_no_room_for_temporary_files(folder: str, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "full").touch()  # no folder at all
    monkeypatch.setenv("TMPDIR", str(tmp_path / folder))
    assert cli(*TINY, "folder=r")[0] == 0
    assert cli("-m", *TINY, "optim.lr=0.1,0.2", "folder=s")[0] == 0


def test_a_clock_that_jumps_back(cli: Cli, tmp_path: Path) -> None:
    """The newest run is the one whose config was written last, and a run of tomorrow is a run."""
    assert cli(*TINY, "folder=outputs/a")[0] == 0
    ahead = (tmp_path / "outputs/a/config.yaml").stat().st_mtime + 1e6
    for path in (tmp_path / "outputs/a").rglob("*"):
        os.utime(path, (ahead, ahead))
    assert cli("resume", "outputs/a", "trainer.epochs=2")[0] == 0
    assert json.loads(cli("runs", "--json")[1])[0]["epoch"] == 2


# made and found


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def a_run(name: str, age: float = 0.0) -> RunDir:
    """One that says what it is, its config so many seconds old."""
    run = RunDir.create(Path(name))
    run.write_config({"choices": {"model": "linear"}, "seed": 0, "folder": name})
    about = (run.path / "config.yaml").stat()
    os.utime(run.path / "config.yaml", (about.st_mtime - age, about.st_mtime - age))
    return run


def test_a_taken_name_gets_a_number() -> None:
    assert [RunDir.create(Path("a/run")).path.name for _ in range(3)] == ["run", "run-2", "run-3"]


def test_a_folder_that_can_not_be_made() -> None:
    Path("file").touch()
    with pytest.raises(UserError, match="^The run's folder file/run can't be made: File exists. Type folder=PATH"):
        RunDir.create(Path("file/run"))
    with pytest.raises(UserError, match="can't be made: File name too long"):
        RunDir.create(Path("n" * 256))
    assert os.listdir(".") == ["file"]


def test_last_is_the_newest_and_what_is_near_is_named() -> None:
    with pytest.raises(UserError, match="^There is no run under outputs/ yet. Start one: dlrun model=lstm$"):
        RunDir.open("last")
    a_run("outputs/day/new"), a_run("outputs/day/old", age=1000)
    assert RunDir.open("last").path == Path("outputs/day/new")
    with pytest.raises(
        UserError, match="^outputs/day/ne does not exist. Did you mean outputs/day/new.*The newest is `last`"
    ):
        RunDir.open("outputs/day/ne")
    with pytest.raises(UserError, match="^outputs is no run's folder: it has no config.yaml."):
        RunDir.open("outputs")


def test_runs_are_found_below_folders_but_not_through_links_or_in_runs() -> None:
    a_run("outputs/a"), a_run("outputs/a/inner"), a_run("elsewhere/b")
    Path("outputs/link").symlink_to("../elsewhere")
    Path("outputs/c").mkdir()
    Path("outputs/c/config.yaml").symlink_to("../a/config.yaml")
    assert [run for run, _ in find_runs([Path("outputs")])] == ["outputs/a"]
    with pytest.raises(UserError, match="^nowhere does not exist.$"):
        list(find_runs([Path("nowhere")]))


def test_a_checkpoint_is_found_by_its_run_or_by_itself() -> None:
    run = a_run("run")
    with pytest.raises(UserError, match="^run has no checkpoint best.pt yet. Train it further: dlrun resume run$"):
        best_checkpoint("run")
    run.save_checkpoint("best", {"model": {}})
    assert best_checkpoint("run") == (Path("run"), "checkpoints/best.pt")
    assert best_checkpoint("run/checkpoints/best.pt") == (Path("run/checkpoints"), "best.pt")
    Path("link.pt").symlink_to("run/checkpoints/best.pt")
    with pytest.raises(UserError, match="^link.pt is a link, and no link to a file is followed here"):
        best_checkpoint("link.pt")


# kept


def test_what_was_logged_after_a_checkpoint_is_forgotten_and_the_rest_stays_as_it_was() -> None:
    run = a_run("run")
    assert run.forget_after(5) == 0  # nothing was logged yet
    for step in (1, 2, 3):
        run.log(step, 0, 0.5, {"train/loss": float("nan") if step == 1 else 1 / 3})
    kept = Path("run/metrics.jsonl").read_bytes().split(b"\n")[:2]
    with open("run/metrics.jsonl", "ab") as file:
        file.write(b'\0\0\n{"step": "four"}\n{"step": 4, "ep')
    assert run.forget_after(2) == 2  # the last one was never whole, which is no damage
    assert Path("run/metrics.jsonl").read_bytes() == b"\n".join([*kept, b""])
    assert [line["step"] for line in Run("run").metrics] == [1, 2]


def test_the_test_of_a_run_at_its_end_comes_again_and_one_before_it_stays() -> None:
    run = a_run("run")
    for step, epoch in ((1, 1), (2, 2)):
        run.log(step, epoch, 0.5, {"train/loss": 1.0, "val/loss": 1.0})
        run.log(step, epoch, 0.5, {"test/loss": 1.0})
    whole = Path("run/metrics.jsonl").read_bytes()
    assert run.forget_after(2) == 0 and Path("run/metrics.jsonl").read_bytes() == whole
    assert run.forget_after(2, tested=True) == 0
    assert Path("run/metrics.jsonl").read_bytes() == b"".join(whole.splitlines(True)[:3])


def test_the_tenth_event_file_of_a_second_comes_behind_the_ninth() -> None:
    run, (second, rest) = a_run("run"), divmod(time.time(), 1)
    if rest > 0.5:
        time.sleep(1 - rest)
    for number in range(3):  # names of this second with counts up to which a process may have come
        Path(f"run/events.out.tfevents.{int(second + (rest > 0.5)):010d}.~.1.{number}").touch()
    before = event_files("run")
    with run.writing():
        run.log(1, 0, 0.5, {"train/loss": 1.0})
    (new,) = event_files("run") - before
    assert new > max(before)


def test_a_picture_is_kept_under_its_tags_last_part() -> None:
    run = a_run("run")
    assert run.keep_picture("samples/attention", Image.new("L", (3, 2), 7), 5) == Path("run/attention.png")
    with Image.open("run/attention.png") as picture:
        assert (picture.size, picture.getpixel((0, 0))) == ((3, 2), 7)


def test_one_process_at_a_time() -> None:
    run = a_run("run")
    assert not run.in_use()
    with filelock.FileLock("run/.lock"):
        assert run.in_use()
        with pytest.raises(UserError, match="^run is in use: another dlrun is training it.$"):
            run.wait_until_free(0.1)
        with pytest.raises(UserError, match="^run is in use: .* Wait for it or stop it.$"), run.working():
            pass
    run.wait_until_free(0.1)
    Path("run/.lock").unlink()
    Path("run/.lock").symlink_to("config.yaml")  # to lock would empty it
    assert not run.in_use() and Path("run/config.yaml").stat().st_size > 0
