"""Where a run may lie: names of any kind, links of the user's own, clocks and temporary folders that are odd."""

import json
import os
import shutil
from pathlib import Path

import pytest
from runs import Cli

TINY = ("trainer.epochs=1", "data.n=30")


@pytest.mark.parametrize(
    "name", ["a b", "中文", "it's", "-x", "last", "é", os.fsdecode(b"a\xffb"), "a,b=c", "$HOME", "[x]"]
)
def test_a_folder_of_any_name(name: str, cli: Cli, tmp_path: Path) -> None:
    """Trained, evaluated, gone on with, listed; as a sweep, too."""
    folder = f"folder='{name}'" if name == "[x]" else f"folder={name}"  # unquoted, that is a list to Hydra
    assert cli(*TINY, folder)[0] == 0
    typed = f"./{name}"
    assert cli("eval", typed)[0] == 0
    assert cli("resume", typed, "trainer.epochs=2")[0] == 0
    assert [row["status"] for row in json.loads(cli("runs", ".", "--json")[1])] == ["completed"]
    assert len(list((tmp_path / name).glob("events.out.tfevents.*"))) == 2
    shutil.rmtree(tmp_path / name)
    assert cli("-m", *TINY, "optim.lr=0.1,0.2", folder)[0] == 0
    assert cli("resume", typed, "--extend", "optim.lr=0.3")[0] == 0
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


LONG = "x" * 300


@pytest.mark.parametrize(
    "typed",
    [
        ["eval", LONG],
        ["predict", LONG, "1,2"],
        ["predict", f"{LONG}.pt", "1,2"],
        ["sample", LONG, "a"],
        ["compare", LONG, LONG],
        ["curve", LONG, "val/mse"],
        ["export", LONG, "--to", "torch"],
        ["resume", LONG],
        ["rerun", LONG],
        ["runs", LONG],
        ["tensorboard", LONG],
        ["describe", LONG],
        ["describe", f"{LONG}.csv"],
        ["describe", "~nobody/x.csv"],
        [f"data={LONG}"],
        [f"data=~nobody/{LONG}.csv"],
        ["init=vectors", f"init.file={LONG}"],
        ["init=vectors", f"init.run={LONG}"],
        [f"{LONG}.csv"],
    ],
    ids=lambda typed: " ".join(typed).replace(LONG, "LONG"),
)
def test_names_that_no_file_can_have(typed: list[str], cli: Cli) -> None:
    """One message, exit code 2, nothing left behind."""
    code, _, err = cli(*typed)
    assert code == 2 and err.count("error: ") == 1 and "mistake of dlrun's own" not in err, err
    assert os.listdir(".") == []
