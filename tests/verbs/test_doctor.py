"""`dlrun doctor`: real folders, files, ports and packages that are right or wrong."""

import http.server
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from runs import Cli

from dlrun.verbs import doctor


def checks(cli: Cli, *words: str) -> tuple[int, dict[str, dict[str, str]]]:
    code, out, _ = cli("doctor", "--json", *words)
    found = json.loads(out)
    assert found["ok"] == (code == 0)
    return code, {each["what"]: each for each in found["checks"]}


@pytest.fixture(autouse=True)
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", "/bin/bash")
    monkeypatch.delenv("DLRUN_MIRRORS", raising=False)


@pytest.fixture
def web() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_nothing_is_wrong(cli: Cli, tmp_path: Path) -> None:
    code, found = checks(cli)
    assert code == 0 and "mirrors" not in found and "network" not in found
    assert {"python", "packages", "torch", "gpu", "threads", "outputs", "data", "datasets", "terminal"} <= set(found)
    assert found["datasets"]["found"].startswith("missing: airfoil, fashion_mnist")
    assert all(each["state"] in ("ok", "warning") for each in found.values())
    assert list(tmp_path.iterdir()) == []
    out = cli("doctor")[1]
    assert all(line.startswith(("ok ", "warning ", " " * 21)) for line in out.splitlines())


def test_a_folder_that_can_not_be_written(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLRUN_DATA", "/dev/null/data")
    (tmp_path / "outputs").write_text("")
    code, found = checks(cli)
    assert code == 1 and (found["data"]["state"], found["outputs"]["state"]) == ("wrong", "wrong")
    assert found["data"]["mend"] == "export DLRUN_DATA=FOLDER" and "folder=PATH" in found["outputs"]["mend"]
    code, out, err = cli("doctor")
    assert code == 1 and "wrong    data        /dev/null/data can't be written: Not a directory" in out
    assert err == "error: outputs, data: wrong. Mend it as said there, then type: dlrun doctor\n"


@pytest.mark.parametrize("variable", ["DLRUN_DATA", "DLRUN_MIRRORS"])
def test_a_variable_that_names_nothing(cli: Cli, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "~nobody-of-this-name/x")
    code, found = checks(cli)
    assert code == 1 and any(variable in each["found"] for each in found.values() if each["state"] == "wrong")


def test_a_damaged_dataset(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "data" / "airfoil").mkdir(parents=True)
    (tmp_path / "data" / "airfoil" / "airfoil_self_noise.dat").write_text("1 2 3\n")
    code, found = checks(cli)
    assert code == 1 and found["datasets"]["mend"] == "dlrun fetch airfoil"
    assert "damaged: airfoil" in found["datasets"]["found"]


def test_mirrors(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, web: str) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    monkeypatch.setenv("DLRUN_MIRRORS", f"{tmp_path},{web}")
    assert checks(cli)[1]["mirrors"]["state"] == "ok"
    monkeypatch.setenv("DLRUN_MIRRORS", f"{tmp_path}/none,{nobody}/x,{web}")
    code, found = checks(cli)
    assert code == 0 and found["mirrors"]["state"] == "warning"
    assert found["mirrors"]["found"].startswith(f"{tmp_path}/none: there is no such folder; {nobody}/x: no connection")
    assert web not in found["mirrors"]["found"] and "DLRUN_MIRRORS" in found["mirrors"]["mend"]


def test_a_package_out_of_its_range(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "site" / "msgspec-0.1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: msgspec\nVersion: 0.1\n")
    monkeypatch.syspath_prepend(str(other.parent))
    code, found = checks(cli)
    assert code == 1 and found["packages"]["found"] == "msgspec is 0.1, >=0.19 is needed"
    assert found["packages"]["mend"] == "pip install 'msgspec>=0.19'"


def test_threads_and_the_limit_of_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert doctor.cpu_quota(tmp_path) == 1.5
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert doctor.cpu_quota(tmp_path) is None
    (tmp_path / "cpu.max").unlink()
    assert doctor.cpu_quota(tmp_path) is None
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert doctor.cpu_quota(tmp_path) is None
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("400000\n")
    assert doctor.cpu_quota(tmp_path) == 4
    there = doctor.cores()
    many = doctor.threads(there + 1)
    assert many.state == "warning" and many.mend == f"export OMP_NUM_THREADS={there}"
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert doctor.threads(1).state == "warning"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert doctor.threads(1).state == "ok"


def test_completion(cli: Cli, tmp_path: Path) -> None:
    found = checks(cli)[1]["completion"]
    assert found["found"].startswith("not installed") and found["mend"] == 'eval "$(dlrun -sc install=bash)"'
    (tmp_path / ".bashrc").write_text(f"{found['mend']}\n")
    assert checks(cli)[1]["completion"]["found"] == "installed in ~/.bashrc"
