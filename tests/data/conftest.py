"""Every test of data gets a folder of its own, no mirror, no proxy, and servers on the loopback only."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from loopback import entry, root, server, shared_root  # noqa: F401 - fixtures
from own_files import flowers, houses  # noqa: F401
from readers import chosen, name_of

from dlrun.config import catalogue
from dlrun.files import download


@pytest.fixture
def shared(root: Path, shared_root: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """For tests that only read stand-ins: the folder that all tests share, where each is made and prepared once."""
    monkeypatch.setenv("DLRUN_DATA", shared_root[0])


@pytest.fixture
def real(shared: None, shared_root: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:  # noqa: F811
    """real(module, **options): the dataset from its real files, in the folder that all tests share."""
    monkeypatch.setenv("DLRUN_MIRRORS", shared_root[1])

    def load(module: ModuleType, **changed: object) -> Any:
        node = catalogue.read("data", name_of(module))
        folder, _ = download.get(node["name"], node["files"])
        return module.load(folder, **chosen(module, **changed))

    return load
