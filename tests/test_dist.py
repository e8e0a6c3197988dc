"""What `make dist` builds is whole, and runs where it was installed without the repository: by pip, by uv, by uvx.

Nothing is fetched: dlrun's dependencies are lent by the environment of the tests, through PYTHONPATH.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import dlrun

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TEMPLATE = {".py", ".yaml", ".md", ".toml"}
LENT = [path for path in sys.path if Path(path).name == "site-packages"]


def test_every_package_is_named() -> None:
    """setuptools takes those alone that pyproject.toml names; a checkout would not miss the others."""
    there = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "dlrun").rglob("__init__.py")}
    named = set(PROJECT["tool"]["setuptools"]["packages"])
    assert there == named - {"dlrun.conf", "dlrun.bundle"} and len(there) > 10


def test_the_citation_is_of_this_version() -> None:
    cited = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert cited and cited[1] == dlrun.__version__


def test_all_pythons_that_are_named_are_tested() -> None:
    named = {line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", line)}
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    assert (
        set(re.findall(r'"(3\.\d+)"', workflow)) == named and f">={min(named)}" == PROJECT["project"]["requires-python"]
    )


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """dist/ of a copy of the sources: the repository itself stays as it is."""
    copy = tmp_path_factory.mktemp("dist") / "dlrun"
    away = ("*.egg-info", "__pycache__", ".*_cache", ".venv", ".hypothesis", ".git", "outputs", "build", "dist")
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*away))
    make = ["make", "dist", f"BIN={Path(sys.executable).parent}", "-o", ".venv/.stamp"]
    mine = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "PYTHON")}
    built = subprocess.run(make, cwd=copy, env=mine, capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stderr
    return copy / "dist"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder, from which no path leads to the repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(LENT))
    for name in ("UV_TOOL_DIR", "UV_TOOL_BIN_DIR", "UV_CACHE_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    yield tmp_path


def trains(*command: str) -> None:
    """What is called so knows its version, its conf/, its documentation and its template, and trains."""
    assert run(*command, "--version") == f"dlrun {dlrun.__version__}\n"
    assert "fashion_mnist" in json.loads(run(*command, "list", "--json"))["choices"]["data"]
    assert run(*command, "docs", "readme#data").startswith("## Data")
    assert "mine/model.py" in json.loads(run(*command, "new", "mine", "--json"))["files"]
    run(*command, "trainer.epochs=1", "data.n=200", "device=cpu", "folder=run")
    assert json.loads(Path("run/summary.json").read_text())["status"] == "completed"


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def uv() -> str:
    places = [Path(sys.executable).parent, *(Path(path).parents[2] / "bin" for path in LENT)]
    found = shutil.which("uv", path=os.pathsep.join(map(str, [*places, os.environ.get("PATH", "")])))
    assert found, "uv is among the packages of the extra `dev`"
    return found


def nothing_else(folder: Path) -> Path:
    """For uv: no dependency applies here, so that none is looked for."""
    names = [re.split(r"[^\w-]", line)[0] for line in PROJECT["project"]["dependencies"]]
    path = folder / "overrides.txt"
    path.write_text("".join(f"{name}; sys_platform == 'nowhere'\n" for name in names))
    return path


@pytest.mark.slow
def test_they_hold_every_file(dist: Path) -> None:
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    in_wheel = set(zipfile.ZipFile(wheel).namelist())
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    code = {str(path.relative_to(ROOT)) for path in (ROOT / "dlrun").rglob("*.py")}
    conf = {str(path.relative_to(ROOT)) for path in (ROOT / "conf").rglob("*.yaml")}
    pages = {str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))}
    pages |= {str(path.relative_to(ROOT)) for path in ROOT.glob("template/**/*.*") if path.suffix in TEMPLATE}
    more = {"LICENSE", "Makefile", "constraints.txt", "pyproject.toml", "CITATION.cff", "tests/conftest.py"}
    assert len(code) > 100 and len(conf) > 100 and len(pages) > 15
    assert code | {f"dlrun/{name}" for name in conf} | {f"dlrun/bundle/{name}" for name in pages} <= in_wheel
    assert "dlrun/py.typed" in in_wheel and any(name.endswith("licenses/LICENSE") for name in in_wheel)
    assert code | conf | pages | more <= in_sdist
    assert not [name for name in in_wheel if not name.startswith("dlrun")]
    assert not [name for name in in_wheel | in_sdist if "__pycache__" in name or name.startswith(("outputs", ".venv"))]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_pip_installs_it(dist: Path, elsewhere: Path, kind: str) -> None:
    venv.create(elsewhere / "env", with_pip=False)
    python, (file,) = elsewhere / "env/bin/python", dist.glob(kind)
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-qq", "--no-deps", "--no-build-isolation"]
    run(*pip, "--no-index", "--ignore-installed", "--disable-pip-version-check", str(file))
    assert run(str(python), "-c", "import dlrun; print(dlrun.__file__)").startswith(str(elsewhere))
    if kind == "*.whl":  # which was made from the other
        trains(str(elsewhere / "env/bin/dlrun"))


@pytest.mark.slow
def test_uv_installs_it_as_a_tool(dist: Path, elsewhere: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    of = ["--offline", "--no-index", "--overrides", str(nothing_else(elsewhere)), "--python", sys.executable]
    run(uv(), "tool", "install", *of, str(wheel))
    trains(str(elsewhere / "UV_TOOL_BIN_DIR/dlrun"))
    run(uv(), "tool", "uninstall", "dlrun")
    assert not (elsewhere / "UV_TOOL_BIN_DIR/dlrun").exists()
    said = run(uv(), "tool", "run", *of, "--from", str(wheel), "dlrun", "--version")  # which is uvx
    assert said == f"dlrun {dlrun.__version__}\n"
