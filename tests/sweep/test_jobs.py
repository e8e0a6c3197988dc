"""A sweep's jobs: each against its own model, mistakes before the first one starts; and those of one that is there."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from runs import Cli

from dlrun.config import compose
from dlrun.config.compose import Composed
from dlrun.errors import UserError
from dlrun.sweep import jobs
from dlrun.sweep.folder import Job, SweepDir

Ended = Callable[..., tuple[SweepDir, list[Job]]]
QUICK = ("trainer.epochs=1", "launcher.workers=2")


MISTAKES = {
    ("-m", "seed=0"): "Nothing to sweep over. Give a key several values, such as optim.lr=0.1,0.01, or drop -m.",
    ("-m", "seed=range(5,1)"): "The sweep has no jobs: one of its ranges is empty.",
    ("-m", "seed=range(5,1"): "seed=range(5,1 can't be read: no viable alternative at input 'range(5,1'",
    ("-m", "optim.lr=interval(0,1)"): "optim.lr=interval(0,1) is a range without steps, which a search samples: "
    "add hydra/sweeper=optuna. For a grid list values, such as optim.lr=0.1,0.01",
    ("-m", "seed=0,1", "folder=null"): "folder=null: a word is expected.",
    ("-m", "seed=0,1", "launcher=3"): "launcher=3: a group of keys is expected.",
    ("-m", "seed=0,1", "hydra.launcher=5"): "hydra.launcher=5: a group of keys is expected.",
    ("-m", "seed=0,1", "hydra.sweeper=null"): "hydra.sweeper=null: a group of keys is expected.",
    ("-m", "seed=0,1", "launcher.workers=0"): "launcher.workers=0: it must be at least 1.",
    ("-m", "seed=0,1", "launcher.workers=many"): "launcher.workers=many: a whole number is expected.",
    ("-m", "seed=0,1", "launcher.wrokers=2"): "launcher has no key wrokers. Did you mean workers? "
    "Possible: gpus, ignore_missing_keys, threads, workers.",
    ("-m", "seed=0,1", "hydra.sweep.dir=x"): "hydra.sweep.dir has no effect here. "
    "Type folder=PATH to say where the run or sweep goes.",
    ("-m", "sweep=lr_and_optm"): "There is no sweep lr_and_optm. Did you mean lr_and_optim? Possible: lr_and_optim.",
    ("-m", "seed=0,1", "--config-dir", "nowhere"): "--config-dir nowhere: there is no such folder.",
    ("-m", "model=linear,mlp", "model.hidden=[8]", "data=airfoil"): "1 of 2 jobs can't run, so none was started:\n"
    "  job 0 (model=linear model.hidden=[8] data=airfoil): model has no key hidden. It has none.\n"
    "  With launcher.ignore_missing_keys=true a word ++key=value reaches only the jobs that have the key.",
    ("-m", "model=linear,lstm", "foo.bar=1,2"): "4 of 4 jobs can't run, so none was started:\n"
    "  job 0 (model=linear foo.bar=1) and 3 more: There is no key foo.bar",
    ("-m", "model=linear,lstm", "optim.lr="): "2 of 2 jobs can't run, so none was started:\n"
    "  job 0 (model=linear optim.lr=) and 1 more: optim.lr=: a number is expected.",
    ("-m", "optim.lr=0.1,-1"): "1 of 2 jobs can't run, so none was started:\n"
    "  job 1 (optim.lr=-1): optim.lr=-1: it must be at least 0.",
    (
        "-m",
        "model=lenet,textcnn",
        "data=fashion_mnist",
    ): "1 of 2 jobs can't run, so none was started:\n  job 1 (model=textcnn data=fashion_mnist): "
    "TextCNN needs vocab_size; fashion_mnist offers height, in_channels, in_features, outputs, width. Pick another",
    ("-m", "data=fr_en,ptb", "model=seq2seq", "task=translate"): "1 of 2 jobs can't run, so none was started:\n"
    "  job 1 (data=ptb model=seq2seq task=translate): task=translate needs pairs of sentences; pick data=fr_en or",
    ("resume", "nowhere", "--retry-failed"): "--retry-failed and --extend are for sweeps, and nowhere is none.",
}


@pytest.mark.parametrize("argv", MISTAKES)
def test_a_mistake_gets_one_message_and_leaves_nothing(
    argv: tuple[str, ...], cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path / "data"))  # no stand-in either
    code, out, err = cli(*argv)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {MISTAKES[argv]}")
    assert list(tmp_path.iterdir()) == []


def checked(*typed: str) -> list[Composed]:
    """The jobs of a grid, as they would start."""
    request, sweeper = jobs.read(compose.read(["-m", *typed]), lambda config: None, None, lambda sweep: None)
    return sweeper.examples(request)[0]


def test_the_last_axis_turns_fastest() -> None:
    overrides = [compose.parse(each) for each in ("optim.lr=0.03,0.001", "batch_size=8", "seed=range(0,4,2)")]
    assert jobs.combinations(overrides) == [
        ["optim.lr=0.03", "batch_size=8", "seed=0"],
        ["optim.lr=0.03", "batch_size=8", "seed=2"],
        ["optim.lr=0.001", "batch_size=8", "seed=0"],
        ["optim.lr=0.001", "batch_size=8", "seed=2"],
    ]


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (["seed=range(0,100000)"], "seed=range(0,100000) makes 100,000 jobs; a sweep takes 10,000 at most."),
        (["seed=range(0,200)", "batch_size=range(1,100)"], "batch_size=range(1,100) makes 19,800 jobs"),
        (["seed=range(0,5,0)"], "seed=range(0,5,0) never ends. For example: range(0,10,2)"),
        (["optim.lr=range(0,inf)"], "optim.lr=range(0,inf) never ends."),
    ],
)
def test_a_grid_has_an_end(typed: list[str], message: str) -> None:
    """It is told before a value is written out."""
    with pytest.raises(UserError) as caught:
        jobs.combinations([compose.parse(each) for each in typed])
    assert str(caught.value).startswith(message)


def test_lenient_gives_a_key_only_to_those_that_have_it() -> None:
    words = ["model=linear,mlp", "++model.hidden=[8]", "data=synthetic_linear"]
    linear, mlp = checked(*words, "launcher.ignore_missing_keys=true")
    assert "++model.hidden=[8]" in mlp.overrides and mlp.config["model"]["hidden"] == [8]
    assert "++model.hidden=[8]" not in linear.overrides and "hidden" not in linear.config["model"]


def test_a_sweep_as_a_file_and_the_command_line_wins() -> None:
    assert [job.overrides for job in checked("sweep=lr_and_optim", "optim.lr=0.01")] == [
        ["optim=sgd", "optim.lr=0.01"],
        ["optim=adam", "optim.lr=0.01"],
    ]
    assert len(checked("sweep=lr_and_optim")) > 2


@pytest.mark.slow
def test_resume_of_a_complete_sweep_extends_it_and_another_is_refused_its_folder(cli: Cli) -> None:
    assert cli("-m", "optim.lr=0.03,0.01", "seed=0,1", "folder=s", *QUICK)[0] == 0
    times = {path: path.stat().st_mtime_ns for path in Path("s").glob("*/summary.json")}
    code, _, err = cli("resume", "s")
    assert code == 0 and "s is complete: nothing is left to run" in err
    code, _, err = cli("resume", "--extend", "optim.lr=0.03,0.3", "s")  # in whatever order
    assert code == 0 and "2 jobs more, 2 there already" in err
    assert {path: path.stat().st_mtime_ns for path in times} == times
    rows = json.loads(Path("s/leaderboard.json").read_text())["jobs"]
    assert len(rows) == 6 and {row["job"] for row in rows if "optim.lr=0.3" in row["overrides"]} == {4, 5}
    code, _, err = cli("resume", "s", "optim.lr=0.5")
    assert code == 2 and "For more jobs type: dlrun resume s --extend optim.lr=0.5" in err
    code, _, err = cli("-m", "seed=2,3", "folder=s", *QUICK)
    message = "s belongs to another sweep. Go on with that one: dlrun resume s; or type folder=PATH for another place."
    assert (code, err) == (2, f"error: {message}\n")
    assert json.loads(Path("s/leaderboard.json").read_text())["jobs"] == rows


FAILING = """
import torch

class Mine(torch.nn.Linear):
    def __init__(self, in_features: int, outputs: int, *, how: str):
        super().__init__(in_features, outputs)
        if how == "raises":
            raise ValueError("a bug of mine")
"""


@pytest.mark.slow
def test_failed_jobs_are_tried_again_when_that_is_asked_for(
    cli: Cli, package: Callable[..., None], tmp_path: Path
) -> None:
    package(FAILING, "  how: well  # how it fails\n")
    mine = ["model=mine", "model.how=well,raises", "--config-dir", "my_conf", "trusted=[my_package]", "folder=s"]
    assert cli("-m", *mine, "trainer.epochs=1")[0] == 1
    code, _, err = cli("resume", "s", "--trust", "my_package")
    assert code == 1 and "1 of 2 jobs failed" in err
    (tmp_path / "my_package/__init__.py").write_text(FAILING.replace('"raises"', '"never"'))
    code, _, err = cli("resume", "s", "--retry-failed")
    assert (code, err) == (2, "error: This sweep runs code of somebody's own. If it is yours: --trust my_package\n")
    code, _, err = cli("resume", "s", "--retry-failed", "--trust", "my_package")
    assert code == 0, err
    assert {row["status"] for row in json.loads(Path("s/leaderboard.json").read_text())["jobs"]} == {"completed"}


def test_of_many_reasons_the_first_are_told() -> None:
    problems = {f"model has no key k{n}.": [f"job {n} (…)", "job 99 (…)"] for n in range(7)}
    lines = jobs.listed(problems, hint=True).splitlines()
    assert lines[0] == "job 0 (…) and 1 more: model has no key k0." and len(lines) == 7
    assert lines[5] == "and 2 reasons more" and "launcher.ignore_missing_keys=true" in lines[6]
    assert "ignore_missing_keys" not in jobs.listed(problems, hint=False)
