"""How runs are called, and where they go by themselves."""

from datetime import datetime
from pathlib import Path

import pytest

from dlrun.config import outputs

CHOSEN = {"model": "mlp", "data": "table"}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (None, "mlp-table"),
        ("/home/me/houses.csv", "mlp-houses"),
        ("flowers/", "mlp-flowers"),
        ("/home/me/my houses (new).tar.csv", "mlp-my-houses-new-.tar"),
        ("花.csv", "mlp-花"),
        ("..", "mlp-table"),
        ("/", "mlp-table"),
        ("$(rm -rf).csv", "mlp-rm--rf"),
        ("a" * 100, f"mlp-{'a' * 40}"),
        (5, "mlp-table"),
    ],
)
def test_a_run_is_called_by_its_file(path: object, name: str) -> None:
    """A slash would make a folder, a dot at the end of a name is lost on some disks."""
    assert outputs.name_of(CHOSEN, path) == name


def test_choices_of_ones_own_may_lie_deeper_and_may_be_missing() -> None:
    assert outputs.name_of({"model": "mine/deep", "data": "ptb"}) == "mine_deep-ptb"
    assert outputs.name_of({}) == "none-none"


def test_a_new_folder_is_of_its_day_and_second(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        now = staticmethod(lambda: datetime(2026, 1, 2, 3, 4, 5))

    monkeypatch.setattr(outputs, "datetime", Clock)
    assert outputs.new_folder("lstm-ptb") == Path("outputs/2026-01-02/03-04-05-lstm-ptb")
