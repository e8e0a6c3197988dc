"""What the tests of sweeps share: a package of the user's own."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes my_package with a class Mine, and my_conf with `model=mine`; worker processes find it as well."""

    def write(code: str, options: str = "") -> None:
        folder, conf = tmp_path / "my_package", tmp_path / "my_conf" / "model"
        folder.mkdir()
        conf.mkdir(parents=True)
        (folder / "__init__.py").write_text(code)
        (conf / "mine.yaml").write_text(
            "# @package _global_\ndefaults:\n  - override /data: synthetic_linear\n"
            f"model:\n  _target_: my_package.Mine\n{options}"
        )
        monkeypatch.delitem(sys.modules, "my_package", raising=False)  # another test's
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return write
