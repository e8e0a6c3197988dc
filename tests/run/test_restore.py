"""Where a run goes on from, and what is said when that is not its last checkpoint."""

from pathlib import Path

import pytest
from runs import Cli, Run

from dlrun.errors import UserError
from dlrun.run import restore
from dlrun.run.folder import RunDir


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDir:
    monkeypatch.chdir(tmp_path)
    return RunDir.create(Path("run"))


def test_before_its_first_checkpoint_it_begins_anew_where_its_weights_are_drawn(run: RunDir) -> None:
    assert restore.newest(run, None, drawn=True) == ("last", None, [])
    with pytest.raises(
        UserError, match="^run has no checkpoint, and only a new run takes trainer.init_from. Type dlrun"
    ):
        restore.newest(run, None, drawn=False)
    run.write_summary({"step": 5})  # it had come somewhere
    with pytest.raises(UserError, match="^run has no checkpoint to go on from. To train anew: dlrun rerun run$"):
        restore.newest(run, None, drawn=True)


def test_the_one_that_was_named_and_no_other(run: RunDir) -> None:
    run.save_checkpoint("last", {"model": {}, "trainer": {"step": 2}})
    run.save_checkpoint("best", {"model": {}, "trainer": {"step": 1}})
    name, state, damaged = restore.newest(run, "best", drawn=True)
    assert (name, damaged) == ("best", []) and state is not None and state["trainer"] == {"step": 1}
    (run.checkpoints / "best.pt").unlink()
    with pytest.raises(UserError, match="^run has no checkpoint best.pt.$"):
        restore.newest(run, "best", drawn=True)


def test_what_is_lost_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    restore.say_what_is_lost("last", [], 9)
    assert capfd.readouterr().err == ""
    restore.say_what_is_lost("previous", ["run/checkpoints/last.pt is missing."], 1234)
    assert capfd.readouterr().err == (
        "warning: run/checkpoints/last.pt is missing.\n"
        "warning: going on from previous.pt instead: what was trained after step 1,234 is trained again\n"
    )


def test_a_best_that_is_gone_is_counted_anew(cli: Cli) -> None:
    """From the evaluation that the last checkpoint stands at: what comes later has to be better than that."""
    assert cli("trainer.epochs=2", "data.n=100", "folder=run")[0] == 0
    before = Run("run").summary["goal"]
    Path("run/checkpoints/best.pt").unlink()
    code, _, err = cli("resume", "run", "trainer.epochs=3", "trainer.clip=1e-9")
    said = f"warning: best.pt, of step {before['best_step']}, is gone. From here on the best is counted anew."
    assert code == 0 and said in err
    assert Run("run").state("best")["trainer"]["step"] == Run("run").summary["goal"]["best_step"] >= 16
