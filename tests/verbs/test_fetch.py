"""`dlrun fetch`: where every dataset is and whether it is whole; those that can't be had are told one by one.

That files are fetched whole and held against their digests: tests/files/test_download.py.
"""

import json
import os
from pathlib import Path

import pytest
from runs import Cli

from dlrun.config import catalogue
from dlrun.verbs import fetch

MIRRORS = os.environ.get("DLRUN_MIRRORS", "")


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with nothing in it, a mirror that is none, and no network."""
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DLRUN_MIRRORS", str(tmp_path / "nothing"))
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    return tmp_path / "data"


def test_without_a_name_it_looks_and_fetches_nothing(empty: Path, cli: Cli) -> None:
    code, out, err = cli("fetch", "--json")
    rows = json.loads(out)
    assert (code, err) == (0, "") and not empty.exists()
    assert [row["data"] for row in rows] == [
        name for name in catalogue.choices("data") if "files" in catalogue.read("data", name)
    ]
    assert rows[0] == {"data": "airfoil", "state": "missing", "folder": str(empty / "airfoil")}
    (empty / "airfoil").mkdir(parents=True)
    (empty / "airfoil/airfoil_self_noise.dat").write_text("1 2 3\n")
    assert json.loads(cli("fetch", "--json")[1])[0]["state"] == "damaged"
    assert "damaged" in cli("fetch")[1]


def test_one_that_can_not_be_had_keeps_no_other_from_coming(cli: Cli) -> None:
    code, out, err = cli("fetch", "ptb", "airfoil", "ptb", "--json")
    assert code == 3 and [row["data"] for row in json.loads(out)] == ["ptb", "airfoil"]
    assert [name for name in ("ptb", "airfoil") if name in err] == ["ptb", "airfoil"] and "Traceback" not in err
    assert err.startswith("error: ") and err.count("error: ") == 1


def test_a_name_that_there_is_not(cli: Cli) -> None:
    code, out, err = cli("fetch", "fashion_mnst")
    assert (code, out) == (2, "") and "There is no data fashion_mnst to fetch. Did you mean fashion_mnist?" in err
    assert "synthetic_linear" not in fetch.file_tables()  # which needs no file


@pytest.mark.real_data
def test_real_files_are_whole(empty: Path, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    monkeypatch.setenv("DLRUN_MIRRORS", MIRRORS)
    code, out, _ = cli("fetch", "airfoil", "--json")
    assert code == 0 and json.loads(out) == [{"data": "airfoil", "state": "whole", "folder": str(empty / "airfoil")}]
