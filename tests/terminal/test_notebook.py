"""A notebook's cell as a place to show things. A notebook that is really executed: tests/api/test_notebook.py."""

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from dlrun.terminal import notebook


class ZMQInteractiveShell:
    """Named as Jupyter's."""


class Theirs(ZMQInteractiveShell):
    """Of a front end of its own."""


@pytest.mark.parametrize(
    ("shell", "stream"),
    [(Theirs(), "stdout"), (ZMQInteractiveShell(), "stdout"), (object(), "stderr"), (None, "stderr")],
)
def test_a_kernel_is_told_from_a_terminals_ipython(shell: Any, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert notebook.here() == (stream == "stdout") and notebook.stream() == stream


def test_without_ipython_there_is_no_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not notebook.here() and "IPython" not in sys.modules


def test_a_bar() -> None:
    bars = [notebook.bar(share) for share in (0, 0.5, 0.999, 1)]
    assert bars == [f"{'┄' * 24}  0%", f"{'━' * 12}{'┄' * 12} 50%", f"{'━' * 24} 100%", f"{'━' * 24} 100%"]


def test_a_line_is_drawn_once_and_then_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[str, dict[str, str]]] = []

    def display(data: dict[str, str], *, raw: bool, display_id: bool) -> Any:
        shown.append(("new", data))
        return SimpleNamespace(update=lambda data, raw: shown.append(("same", data)))

    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    line = notebook.CellLine()
    for text in ("epoch 1", "epoch 2"):
        line.show(text)
    assert shown == [("new", {"text/plain": "epoch 1"}), ("same", {"text/plain": "epoch 2"})]
