"""An export's folder: whole or not there, and nothing of the user's own is lost."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from export.asked import opened

from dlrun.errors import DlrunError, UserError
from dlrun.export import folder as exports
from dlrun.export.folder import Exported

FULL = """
import resource, signal, sys
from dlrun.cli import exit_code
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import torch
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
sys.exit(exit_code(["export", sys.argv[1], "--to", "safetensors", "--output", "out"]))
"""


@pytest.mark.slow
def test_a_full_disk_leaves_nothing(made: Callable[[str], Path], tmp_path: Path) -> None:
    """Files of more than 2,000 bytes can't be written: the first of them says so."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(made("lstm"))], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert done.returncode == 1 and "out/model.safetensors can't be written: File too large." in done.stderr, (
        done.stderr
    )
    assert os.listdir(tmp_path) == []


def of(made: Callable[[str], Path], **files: bytes) -> Exported:
    return Exported(opened(made("regression")), None, files)


def test_a_folder_that_was_there_keeps_what_is_not_written_over(made: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    exports.write(of(made, a=b"new"), tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"notes": "mine", "a": "new"}
    with pytest.raises(UserError, match="has a a that is no export's"):
        exports.write(of(made, a=b"newer", b=b"x"), tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["a", "notes"] and (tmp_path / "a").read_text() == "new"


def test_a_new_folder_goes_with_what_could_not_be_written(
    made: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DlrunError, match="^out/n{250} can't be written: File name too long"):
        exports.write(of(made, **{"a": b"new", "n" * 250: b"x", "b": b""}), Path("out"))
    assert os.listdir(".") == []


def test_a_file_in_its_place_is_named(made: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in ("file", "file/below"):
        with pytest.raises(UserError, match=f"^--output {tmp_path}/{place}: {tmp_path}/file is a file. Name a folder"):
            exports.write(of(made, a=b""), tmp_path / place)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_model_that_no_exporter_follows_says_where_its_weights_can_go(made: Callable[[str], Path]) -> None:
    trained = opened(made("regression"))

    def forward(x: torch.Tensor) -> torch.Tensor:
        return x * float(x.sum())  # a number that depends on the data

    trained.model.forward = forward  # type: ignore[method-assign]
    with pytest.raises(
        UserError, match="torch's exporter can't follow Linear to torch .* Its weights can go: --to saf"
    ):
        exports.made(trained, "torch")


def test_weights_are_compared_themselves() -> None:
    ours = {"a": torch.ones(2), "b": torch.zeros(3), "count": 3}
    assert exports.same_weights(ours, {"a": torch.ones(2), "b": torch.zeros(3)}).good
    for wrong in ({}, {"a": torch.ones(2)}, {"a": torch.ones(3), "b": torch.zeros(3)}):
        assert not exports.same_weights(ours, wrong).good


def test_a_path_that_is_no_utf8_is_written_all_the_same(made: Callable[[str], Path]) -> None:
    trained = opened(made("regression"))
    trained.config["data"] = {"path": "/home/\udcff.csv"}
    config = exports.made(trained, "safetensors").files["config.json"]
    assert json.loads(config)["data"]["path"] == "/home/\udcff.csv"
