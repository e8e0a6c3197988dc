"""`dlrun resume`: what may change when a run goes on, and what is said of one that is complete."""

import shutil
from pathlib import Path

import filelock
import pytest
from runs import Cli, Run

from dlrun.errors import UserError
from dlrun.verbs.resume import read_override


@pytest.fixture
def run(plain: Path, tmp_path: Path) -> Run:
    """A copy of a complete run that may go on."""
    shutil.copytree(plain, tmp_path / "run")
    return Run(tmp_path / "run")


@pytest.mark.parametrize("typed", [[], ["device=cpu"]])
def test_a_complete_run_says_what_goes_further(typed: list[str], run: Run, cli: Cli) -> None:
    further = " ".join(["trainer.epochs=4", *typed])
    code, _, err = cli("resume", "run", *typed)
    assert (code, err) == (
        2,
        f"error: run is complete: 2 epochs, 160 steps. To go further type: dlrun resume run {further}\n",
    )
    assert cli("resume", "run", *further.split())[0] == 0 and run.summary["epoch"] == 4


def test_of_a_limit_of_steps_it_is_the_steps(run: Run, cli: Cli) -> None:
    assert cli("resume", "run", "trainer.max_steps=170", "trainer.epochs=9")[0] == 0
    assert "To go further type: dlrun resume run trainer.max_steps=340\n" in cli("resume", "run")[2]


def test_what_only_counts_goes_no_further(cli: Cli) -> None:
    assert cli("model=ngram", "data=jaychou_lyrics", "stand_in=always", "folder=run")[0] == 0
    code, _, err = cli("resume", "run", "device=cpu")
    wanted = "error: run is complete: its model only counts, and has. Look at it: dlrun eval run\n"
    assert (code, err) == (2, wanted)


def test_a_value_is_read_as_in_a_new_run(run: Run, cli: Cli) -> None:
    code, _, err = cli("resume", "run", "trainer.epochs=3", "trainer.clip=1e-3")
    assert code == 0 and "changed: trainer.epochs=3 trainer.clip=1e-3" in err
    assert run.config["trainer"]["clip"] == 0.001 and run.summary["overrides"][-2:] == [
        "trainer.epochs=3",
        "trainer.clip=1e-3",
    ]


@pytest.mark.parametrize(
    "key",
    [
        "model.hidden",
        "seed",
        "batch_size",
        "folder",
        "stand_in",
        "data.n",
        "trainer.init_from",
        "optim.lr",
        "init.gain",
    ],
)
def test_what_would_make_another_run_is_refused(key: str) -> None:
    with pytest.raises(
        UserError, match=f"^{key} belongs to the run and can't change when it goes on. Start a new one: "
    ):
        read_override(f"{key}=4")


def test_mistakes(run: Run, cli: Cli) -> None:
    for typed, said in {
        ("run", "trainer.epoch=4"): "The run has no key trainer.epoch. Did you mean epochs",
        ("run", "--extend", "optim.lr=1"): "--retry-failed and --extend are for sweeps, and run is none.",
        ("run", "--checkpoint", "newest"): "dlrun resume: argument --checkpoint: invalid choice: 'newest'",
        ("--extend", "optim.lr=1"): "dlrun resume: the following arguments are required: RUN",
        ("run", "trainer.epochs=3,4"): "trainer.epochs=3,4 has several values; only a new sweep takes them: dlrun -m",
    }.items():
        code, out, err = cli("resume", *typed)
        assert (code, out) == (2, "") and err.startswith(f"error: {said}"), err
    with filelock.FileLock("run/.lock"):
        code, _, err = cli("resume", "run", "trainer.epochs=3")
    assert (code, err) == (2, "error: run is in use: another dlrun is training it. Wait for it or stop it.\n")
