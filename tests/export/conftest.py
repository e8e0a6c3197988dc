"""Runs that are trained when they are first asked for, once for all tests of exports."""

from collections.abc import Callable
from pathlib import Path

import pytest
from export.asked import OTHERS, RUNS, SHORT

from dlrun.cli import exit_code


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`made("lstm")` -> that run's folder."""
    folder = tmp_path_factory.mktemp("runs")

    def run(name: str) -> Path:
        if not (folder / name).exists():
            assert exit_code([*(RUNS | OTHERS)[name], *SHORT, f"folder={folder / name}"]) == 0
        return folder / name

    return run
