"""`dlrun new`: what it writes runs, from outside the repository, by the commands of its own README."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import warm

from dlrun import bundled
from dlrun.errors import DlrunError
from dlrun.verbs import new

Cli = Callable[..., tuple[int, str, str]]


def written(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_it_is_called_after_its_folder(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("new", "deep/flowers", "--json")
    said, folder = json.loads(out), tmp_path / "deep/flowers"
    assert (code, err) == (0, "") and said["package"] == "flowers" and set(said["files"]) == written(folder)
    assert {
        "flowers/model.py",
        "conf/model/flowers.yaml",
        "conf/data/flowers.yaml",
        "tests/test_flowers.py",
    } <= written(folder)
    assert not [path for path in folder.rglob("*") if path.is_file() and "my_package" in path.read_text()]


def test_the_folder_may_be_there_if_it_is_empty(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    code, out, _ = cli("new", ".")
    assert code == 0 and (tmp_path / "here/here/model.py").is_file() and "model=here" in out


@pytest.mark.parametrize(
    ("folder", "package"),
    [
        ("flower-power", "flower_power"),
        ("Übungen 2", "ubungen_2"),
        ("3d", "my_3d"),
        ("花", "my_package"),
        ("lstm", "my_lstm"),  # a model of dlrun's
        ("torch", "my_torch"),
        ("json", "my_json"),  # of Python's
        ("pytest", "my_pytest"),  # installed
        ("class", "my_class"),
        ("conf", "my_conf"),
        ("yes", "my_yes"),
    ],
)
def test_a_name_that_would_not_do_is_made_one(
    cli: Cli, folder: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "my_package", raising=False)  # of a test before this one, in the same process
    code, out, err = cli("new", folder)
    assert code == 0 and f"model={package}" in out and package in err
    assert cli("--config-dir", f"{folder}/conf", f"trusted=[{package}]", f"model={package}", "--cfg", "job")[0] == 0


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("taken/notes.txt", "taken is there, and not empty. Name a folder that is not there yet."),
        ("taken", "taken is a file. Name a folder that is not there yet."),
    ],
)
def test_nothing_is_written_over(cli: Cli, tmp_path: Path, made: str, said: str) -> None:
    path = tmp_path / made
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    assert cli("new", "taken") == (2, "", f"error: {said}\n")
    assert written(tmp_path) == {made} and path.read_text() == "mine"


def test_a_name_that_is_none(cli: Cli, tmp_path: Path) -> None:
    for name in ("", "a\0b", "n" * 300):
        code, out, err = cli("new", name)
        assert code in (1, 2) and out == "" and err.startswith("error: ") and "mistake of dlrun's own" not in err
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "loop").symlink_to("loop")
    assert cli("new", "loop")[0] == 2 and cli("new", "loop/inside")[0] == 1


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    """The last of the files can't be written: its folder's name is that of a file."""
    files = dict(new.filled(bundled.root() / "template", "mine"))
    with pytest.raises(DlrunError, match="can't be written"):
        new.write(tmp_path / "a/b", files | {"README.md/more": ""})
    with pytest.raises(UnicodeEncodeError):
        new.write(tmp_path / "a/b", files | {"odd.txt": "\ud800"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_its_readme_and_its_test_run(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "flower-power")[0] == 0
    folder = tmp_path / "flower-power"
    readme = (folder / "README.md").read_text()
    commands = [
        shlex.split(line, comments=True) for line in re.findall(r"```\n(.*?)```", readme, re.DOTALL)[0].splitlines()
    ]
    assert [command[0] for command in commands] == ["dlrun"] * 5 + ["pytest"]
    for command in commands[:-1]:
        process = warm.start(folder, *command[1:])
        said = warm.end(folder, process)
    assert "flower_power" in said and "mlp" in said  # the sweep, which came last
    kept = {**os.environ, "PYTHONPATH": ""}
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=folder, env=kept, capture_output=True, text=True
    )
    assert tested.returncode == 0 and "3 passed" in tested.stdout, tested.stdout
