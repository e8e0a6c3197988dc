"""What an installed dlrun has with it of the repository's root."""

import tomllib
from pathlib import Path

import pytest

from dlrun import bundled

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("pattern", PROJECT["tool"]["setuptools"]["package-data"]["dlrun.bundle"])
def test_what_is_packed_lies_below_the_root_of_a_checkout(pattern: str) -> None:
    assert list(Path(str(bundled.root())).glob(pattern))


def test_an_installed_one_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the folder that the package lies in: site-packages may hold a README.md of anybody's."""
    (tmp_path / "dlrun/bundle").mkdir(parents=True)
    monkeypatch.setattr(bundled, "files", lambda name: tmp_path / name)
    assert bundled.root() == tmp_path / "dlrun/bundle"
