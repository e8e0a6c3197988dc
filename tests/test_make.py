"""Which environment `make` uses, by what it would do: nothing is made. A test of the Makefile, not of a module."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def would_do(folder: Path, *arguments: str) -> str:
    mine = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "PYTHON")}
    make = ["make", "-n", *arguments]  # its own: `make test PYTHON=…` hands that on to all that it starts
    done = subprocess.run(make, cwd=folder, env=mine, capture_output=True, text=True, timeout=30)
    return done.stdout + done.stderr


def environment_of(folder: Path, version: str) -> None:
    """An environment as far as make asks: its Python says which version it is."""
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho {version}\n")
    python.chmod(0o755)


def test_the_first_python_makes_the_environment(checkout: Path) -> None:
    assert f"{sys.executable} -m venv .venv\n" in would_do(checkout, "types", f"PYTHON={sys.executable}")


@pytest.mark.parametrize(("made_with", "used"), [(HERE, ".venv"), ("3.10", f".venv/{HERE}")])
def test_another_python_gets_one_of_its_own(checkout: Path, made_with: str, used: str) -> None:
    environment_of(checkout, made_with)
    said = would_do(checkout, "types", f"PYTHON={sys.executable}")
    assert f"setting up {used} with" in said and f"\n{used}/bin/mypy" in said
    assert "\n.venv/bin/mypy" in would_do(checkout, "types")  # who asks for none has the first


def test_a_python_that_is_not_there_is_said(checkout: Path) -> None:
    assert "PYTHON=python3.0 does not start" in would_do(checkout, "types", "PYTHON=python3.0")
