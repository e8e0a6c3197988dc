"""All readers of data alike: a run's config may come from anybody, and never says which files are written or read."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from runs import Cli

from dlrun.cli import exit_code
from dlrun.config import catalogue

PAYLOAD = b"touch PWNED\n"
OURS = {"_target_": "dlrun.data.airfoil.load", "split": "random", "val": 0.1, "test": 0.1, "seed": 0}
MODULE = """
from pathlib import Path
import torch
from dlrun.data.base import Data, Split
from dlrun.data.base import Schema
from dlrun.files.stand_ins import StandIn

def load(folder: Path) -> Data:
    rows = torch.tensor([[float(x) for x in line.split()] for line in (folder / "own.txt").read_text().splitlines()])
    part = Split(rows[:, :-1], rows[:, -1:])
    return Data(part, part, None, Schema({"in_features": 2, "outputs": 1}, "table", "number"))

def write_stand_in(folder: Path) -> None:
    (folder / "own.txt").write_text("1 2 3\\n4 5 6\\n")

STAND_IN = StandIn("1", write_stand_in, {})
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The user's own folder, with dlrun's cache below it; no test may change anything in it but the cache."""
    home = tmp_path / "home"
    (home / ".cache").mkdir(parents=True)
    (home / ".bashrc").write_text("# my own settings\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DLRUN_DATA", str(home / ".cache/dlrun/data"))
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there: no test asks the network
    yield home
    assert (home / ".bashrc").read_text() == "# my own settings\n"
    written = {path.relative_to(home) for path in home.rglob("*")} - {Path(".bashrc"), Path(".cache")}
    assert all(str(path).startswith(".cache/dlrun") for path in written), written


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert exit_code(["model=linear", "trainer.max_steps=1", f"folder={folder}"]) == 0
    return folder


@pytest.fixture
def stranger(trained: Path, cli: Cli, home: Path, tmp_path: Path) -> Callable[..., Path]:
    """stranger(data, key=value): a run's folder whose config has that data section."""
    (tmp_path / "mine_data.py").write_text(MODULE)

    def make(data: dict[str, Any], **changed: Any) -> Path:
        shutil.copytree(trained, tmp_path / "stranger")
        path = tmp_path / "stranger/config.yaml"
        config = yaml.safe_load(path.read_text()) | {"data": data} | changed
        path.write_text(yaml.safe_dump(config))
        (tmp_path / "stranger/payload").write_bytes(PAYLOAD)
        return path

    return make


def hostile(file: str, url: str = "stranger/payload") -> dict[str, Any]:
    return {file: {"sha256": [hashlib.sha256(PAYLOAD).hexdigest()], "urls": [url]}}


HOSTILE = [
    {"name": "../../..", "files": hostile(".bashrc")},
    {"name": "../../../", "files": hostile("airfoil_self_noise.dat")},
    {"name": "prepared", "files": hostile("ptb-0123456789abcdef.pt")},
    {"name": "stand-in/airfoil-1", "files": hostile("airfoil_self_noise.dat")},
    {"name": "airfoil", "files": hostile("../../../../.bashrc")},
    {"name": "airfoil", "files": hostile("airfoil_self_noise.dat", "file:///etc/passwd")},
    {"name": 5, "files": [1]},
    {"name": None, "files": None},
]


@pytest.mark.parametrize("mode", ["never", "always"])
@pytest.mark.parametrize("section", HOSTILE, ids=str)
def test_of_ours_nothing_is_believed(section, mode, stranger, cli, root, home) -> None:
    """Whatever the config says of its files, it is as if it had said nothing."""
    stranger(OURS | section, stand_in=mode)
    code, _, err = cli("eval", "stranger")
    cache = home / ".cache/dlrun/data"
    if mode == "always":
        assert "THIS IS NOT AIRFOIL" in err and not (cache / "airfoil").exists()
    else:
        assert code == 3 and "airfoil needs airfoil_self_noise.dat" in err and "payload" not in err
    assert PAYLOAD not in [path.read_bytes() for path in cache.rglob("*") if path.is_file()]


WRONG_NAMES = [
    "../../..",
    "..",
    ".",
    "",
    "a/b",
    "/tmp/x",
    ".ssh",
    "prepared",
    "stand-in",
    "ptb",
    "a\0b",
    "a\nb",
    5,
    "x" * 300,
]


@pytest.mark.parametrize("mode", ["never", "always"])
@pytest.mark.parametrize("name", WRONG_NAMES, ids=str)
def test_a_name_is_one_plain_word(name, mode, stranger, cli, home, tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    stranger({"_target_": "mine_data.load", "name": name, "files": hostile("own.txt")}, stand_in=mode)
    code, out, err = cli("eval", "stranger", "--trust", "mine_data")
    assert (code, out) == (2, "") and "data.name" in err
    assert not (home / ".cache/dlrun/data").exists()


@pytest.mark.parametrize(
    ("files", "word"),
    [
        (hostile("../.bashrc"), "plain name"),
        (hostile("/etc/own.txt"), "plain name"),
        (hostile(".digests.json"), "plain name"),
        (hostile("own.txt"), "of another form"),
        (hostile("own.txt", "/etc/passwd"), "of another form"),
        (hostile("own.txt", "file:///etc/passwd"), "of another form"),
        (hostile("own.txt", "/dev/zero"), "of another form"),
        (hostile("own.txt", "https:///x"), "of another form"),
        ({"own.txt": {"sha256": ["../x"]}}, "of another form"),
        ({"own.txt": {"sha256": "a" * 64}}, "array"),
        ({"own.txt": {"sha256": ["a" * 64], "bytes": -1}}, ">= 1"),
        ({"own.txt": {"sha256": ["a" * 64], "path": "x"}}, "unknown field"),
        ({"own.txt": {}}, "no digest"),
        ({"own.txt": None}, "object"),
        ("own.txt", "object"),
    ],
)
def test_files_of_the_users_own_are_checked(files, word, stranger, cli, home, tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    stranger({"_target_": "mine_data.load", "name": "own", "files": files}, stand_in="never")
    code, out, err = cli("eval", "stranger", "--trust", "mine_data")
    assert (code, out) == (2, "") and "data.files" in err and word in err
    assert not (home / ".cache/dlrun/data").exists()


def test_no_message_tells_of_a_local_file(stranger, cli, home, tmp_path, monkeypatch) -> None:
    """Below a mirror, too, a config could name a file that is not its own."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (home / "taxes").mkdir()
    (home / "taxes" / "own.txt").write_bytes(b"private")
    monkeypatch.setenv("DLRUN_MIRRORS", str(home))
    stranger({"_target_": "mine_data.load", "name": "taxes", "files": hostile("own.txt", "http://127.0.0.1:9/")})
    code, _, err = cli("eval", "stranger", "--trust", "mine_data")
    assert code == 3 and f"{home}/taxes/own.txt: not the expected file" in err
    assert hashlib.sha256(b"private").hexdigest() not in err and "7 bytes" not in err
    (home / "taxes" / "own.txt").unlink()
    (home / "taxes").rmdir()


@pytest.mark.parametrize("module", ["airfoil", "ptb", "fr_en", "fra_eng", "imdb", "jaychou_lyrics", "fashion_mnist"])
def test_what_writes_stand_ins_reads_no_dataset(module, stranger, cli, home) -> None:
    stranger({"_target_": f"dlrun.data.{module}.write_stand_in", "name": "../../..", "files": {}})
    code, out, _ = cli("eval", "stranger")
    assert (code, out) == (2, "") and not (home / ".cache/dlrun/data").exists()


def test_what_is_saved_says_nothing_of_files(cli, home, tmp_path) -> None:
    arguments = ("data=airfoil", "stand_in=always", "trainer.max_steps=1", "folder=run")
    assert cli(*arguments)[0] == 0
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert not {"name", "files"} & config["data"].keys()
    new = cli("eval", "run", "--json")[1]

    config["data"] |= {key: catalogue.read("data", "airfoil")[key] for key in ("name", "files")}  # as once was saved
    (tmp_path / "run/config.yaml").write_text(yaml.safe_dump(config))
    code, out, err = cli("eval", "run", "--json")
    assert (code, out) == (0, new) and "older" not in err
    assert cli("resume", "run", "trainer.max_steps=2")[0] == 0
    assert not {"name", "files"} & yaml.safe_load((tmp_path / "run/config.yaml").read_text())["data"].keys()


@pytest.mark.parametrize("override", ["data.name=../x", "data.name=ptb", "+data.files.x=1"])
def test_files_of_ours_are_not_chosen(override, cli, home, tmp_path) -> None:
    code, out, err = cli("data=airfoil", override, "stand_in=always", "trainer.max_steps=1")
    assert (code, out) == (2, "") and "is dlrun's own to say for dlrun.data.airfoil.load" in err
    assert not (tmp_path / "outputs").exists()


def test_a_dataset_of_the_users_own_still_works(cli, home, tmp_path, monkeypatch) -> None:
    """From a mirror, then from the cache; opened again on the user's word."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "mine_data.py").write_text(MODULE)
    (tmp_path / "mirror/own").mkdir(parents=True)
    (tmp_path / "mirror/own/own.txt").write_bytes(b"1 2 3\n4 5 6\n7 8 9\n")
    monkeypatch.setenv("DLRUN_MIRRORS", str(tmp_path / "mirror"))
    digest = hashlib.sha256(b"1 2 3\n4 5 6\n7 8 9\n").hexdigest()
    node = {"_target_": "mine_data.load", "name": "own", "files": {"own.txt": {"sha256": [digest]}}}
    (tmp_path / "conf/data").mkdir(parents=True)
    body = {"defaults": [{"override /task": "regress"}], "data": node, "batch_size": 2}
    (tmp_path / "conf/data/own.yaml").write_text("# @package _global_\n" + yaml.safe_dump(body))
    arguments = ("--config-dir", "conf", "trusted=[mine_data]", "model=linear", "data=own", "trainer.max_steps=1")
    assert cli(*arguments, "folder=run")[0] == 0
    assert yaml.safe_load((tmp_path / "run/config.yaml").read_text())["data"] == node
    assert cli("eval", "run", "--trust", "mine_data")[0] == 0
    assert cli("eval", "run")[0] == 2


@pytest.mark.parametrize("key", ["path", "val_path"])
@pytest.mark.parametrize("verb", [["eval", "run"], ["resume", "run", "trainer.max_steps=2"], ["rerun", "run"]])
def test_nothing_is_said_of_a_file_that_a_config_names(verb, key, cli, home, tmp_path) -> None:
    """Not its columns, not a value that is no number: a reader's own message would quote them."""
    Path("houses.csv").write_text("area,price\n" + "".join(f"{n % 7},{n * 2.5}\n" for n in range(40)))
    assert cli("data=houses.csv", "data.target=price", "trainer.max_steps=1", "folder=run")[0] == 0
    saved = Path("run/config.yaml").read_text()
    for content in (
        "login,password\nme,secret\n",
        "area,price\n1,2.5\n2,secret\n",
        "secret\n",
        'area,price\n"secret\n',
    ):
        Path("private.csv").write_text(content)
        config = yaml.safe_load(saved)
        config["data"][key] = str(tmp_path / "private.csv")
        Path("run/config.yaml").write_text(yaml.safe_dump(config))
        code, out, err = cli(*verb)
        assert (code, out) == (2, "") and "password" not in err and "secret" not in err
        assert "private.csv is not the file that run was trained on" in err
    assert not any(b"secret" in each.read_bytes() for each in Path("run").rglob("*") if each.is_file())
