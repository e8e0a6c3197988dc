"""The one writer of summary.json: however a block ends, it says so."""

from pathlib import Path

import filelock
import pytest
from runs import Run

from dlrun.errors import DataError, Diverged, Pruned, Stopped
from dlrun.run.folder import RunDir
from dlrun.run.signals import AtOnce
from dlrun.run.summary import Summary


@pytest.fixture
def summary(tmp_path: Path) -> Summary:
    made = Summary(RunDir(tmp_path), {"seed": 3})
    made.progress = lambda: {"step": 7}
    return made


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (None, "completed", None),
        (Diverged("The loss became nan."), "diverged", "The loss became nan."),
        (Pruned("others do better"), "pruned", "others do better"),
        (Stopped("Stopped at step 7.", 15), "interrupted", "Stopped at step 7."),
        (DataError("gone"), "failed", "gone"),
        (ValueError("a bug"), "failed", "ValueError('a bug')"),
        (AtOnce(), "failed", "AtOnce()"),
    ],
)
def test_how_it_ended(error: BaseException | None, status: str, reason: str | None, summary: Summary) -> None:
    kept = Run(summary.run.path)
    if error is None:
        with summary.kept():
            assert kept.summary == {"status": "running", "seed": 3, "step": 7}
    else:
        with pytest.raises(type(error)), summary.kept():
            raise error
    assert kept.summary == {"status": status, "seed": 3, "step": 7, **({"error": reason} if reason else {})}


def test_a_disk_that_is_full_by_then_hides_nothing(tmp_path: Path) -> None:
    """What ended the run is told, not that it could not be written down."""
    folder = tmp_path / "run"
    folder.mkdir()
    with pytest.raises(Diverged, match="nan"), Summary(RunDir(folder), {}).kept():
        (folder / "summary.json").unlink()
        folder.rmdir()
        raise Diverged("nan")
    assert not folder.exists()


def test_a_failure_before_the_training_is_noted_once(summary: Summary) -> None:
    kept = Run(summary.run.path)
    summary.note_failure("a bug")
    assert kept.summary == {"seed": 3, "status": "failed", "error": "a bug"}
    summary.run.write_summary({"status": "running", "step": 5})
    with filelock.FileLock(summary.run.path / ".lock"):
        summary.note_failure("late")
    assert kept.summary["status"] == "running"  # somebody trains there
    summary.note_failure("late")
    assert kept.summary == {"seed": 3, "step": 5, "status": "failed", "error": "late"}
    summary.run.write_summary({"status": "completed"})
    summary.note_failure("later")
    assert kept.summary == {"status": "completed"}
