"""What is half made: removed when the program is ended at once, the last first, and only then."""

import pytest

from dlrun.store import unfinished


def failing() -> None:
    raise OSError("it is gone already")


def test_what_was_begun_last_goes_first() -> None:
    gone: list[str] = []
    with unfinished.removed_by(lambda: gone.append("folder")), unfinished.removed_by(failing):
        with unfinished.removed_by(lambda: gone.append("file")):
            unfinished.remove()
        assert gone == ["file", "folder"]  # and one that fails keeps none of the others
        unfinished.remove()
    assert gone == ["file", "folder", "folder"]


def test_what_is_done_stays() -> None:
    gone: list[str] = []
    with pytest.raises(ValueError), unfinished.removed_by(lambda: gone.append("file")):
        raise ValueError
    unfinished.remove()
    assert gone == []
