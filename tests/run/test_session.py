"""One session of a run: what it is made of, and that whatever ends it becomes one line, a log and a summary."""

from pathlib import Path
from typing import Any

import pytest
from runs import Run

from dlrun import __version__
from dlrun.config import assemble, compose
from dlrun.config.assemble import RunSpec
from dlrun.errors import DlrunError, RunFailed, Stopped, UserError
from dlrun.run import session
from dlrun.run.folder import RunDir
from dlrun.run.signals import GracefulStop
from dlrun.run.summary import Summary


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDir:
    monkeypatch.chdir(tmp_path)
    return RunDir.create(Path("run"))


def spec(*typed: str) -> RunSpec:
    return assemble.check(compose.Composer(compose.read([*typed, "folder=run", "device=cpu"])).one().config)


@pytest.mark.parametrize(("typed", "pinned"), [([], "never"), (["data=airfoil", "stand_in=always"], "always")])
def test_a_run_that_goes_on_takes_the_same_data_again(typed: list[str], pinned: str) -> None:
    """`stand_in: auto` would try once more, and may come to others."""
    first = spec(*typed)
    found, parts, (optim, _) = session.build(first, replaceable=True)
    assert found.config["stand_in"] == pinned and first.config["stand_in"] in ("auto", "always")
    assert sum(len(group["params"]) for group in optim.param_groups) == len(list(parts.model.parameters()))


def test_a_mistake_of_ours_is_a_line_and_its_traceback_is_in_the_log(run: RunDir) -> None:
    summary = Summary(run, {"seed": 3})
    wanted = r"ValueError: a bug\. The traceback is in run/run.log$"
    with pytest.raises(RunFailed, match=wanted) as caught, session.ending(run, {}, summary):
        raise ValueError("a bug")
    assert caught.value.folder == run.path.absolute()
    assert "Traceback" in Path("run/run.log").read_text() and "ValueError: a bug" in Path("run/run.log").read_text()
    assert Run("run").summary == {"seed": 3, "status": "failed", "error": str(caught.value)}


@pytest.mark.parametrize("error", [UserError("no such key"), Stopped("at step 3", 15)])
def test_what_is_told_already_stays_as_it_is(error: DlrunError, run: RunDir) -> None:
    with pytest.raises(type(error)) as caught, session.ending(run, {}, Summary(run, {})):
        raise error
    assert caught.value is error and error.folder == run.path.absolute()
    assert not Path("run/run.log").exists() and not Path("run/summary.json").exists()


def test_whatever_comes_of_a_stop_at_once_is_a_stop(run: RunDir) -> None:
    """torch, in mid-write, may make anything of it."""
    stop = GracefulStop()
    stop.at_once = True
    with pytest.raises(Stopped, match="^Stopped at once. ") as caught, session.explained(run, {}, stop):
        raise RuntimeError("unexpected pos 64 vs 0")
    assert caught.value.exit_code == 130 and caught.value.folder == run.path.absolute()


def test_a_summary_says_what_the_numbers_depend_on() -> None:
    made, parts, _ = session.build(spec("data=synthetic_linear", "seed=7"), replaceable=False)
    found: dict[str, Any] = session.facts(made, parts, ["seed=7"])
    assert (found["seed"], found["parameters"], found["overrides"]) == (7, 3, ["seed=7"])
    assert found["versions"]["dlrun"] == __version__ and {"python", "torch", "numpy"} < found["versions"].keys()
    assert found["data"]["name"] == "synthetic_linear" and found["baseline"].keys() == {"val/loss", "val/mse"}
