"""Sweeps from the command line: each job against its own model, mistakes before the first one starts."""

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from runs import Cli, Run

from dlrun.config import outputs
from dlrun.sweep.folder import SweepDir

QUICK = ("trainer.epochs=1", "launcher.workers=2")


def board(folder: str | Path) -> dict:
    return json.loads((Path(folder) / "leaderboard.json").read_text(encoding="utf-8"))


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


def test_the_last_axis_turns_fastest_and_the_best_is_first(cli: Cli) -> None:
    code, out, err = cli("-m", "optim.lr=0.03,0.001", "seed=0,1", "folder=s", *QUICK)
    assert code == 0, err
    rows = board("s")["jobs"]
    assert [row["rank"] for row in rows] == [1, 2, 3, 4]
    assert [row["best"] for row in rows] == sorted(row["best"] for row in rows)
    by_job = {row["job"]: row["overrides"][:2] for row in rows}
    assert by_job[1] == ["optim.lr=0.03", "seed=1"] and by_job[2] == ["optim.lr=0.001", "seed=0"]
    assert "the best again: dlrun optim.lr=0.03 trainer.epochs=1\n" in err and "leaderboard, min val/mse\n" in out
    assert f"look at it: dlrun eval s/{rows[0]['folder']}\n" in err and "│ metric" not in out and "┃ metric" not in out
    (first, second) = board("s")["seeds"]
    assert (first["overrides"], first["seeds"]) == ("optim.lr=0.03 trainer.epochs=1", 2)
    assert first["mean"] < second["mean"] and first["std"] > 0
    page = Path("s/leaderboard.md").read_text(encoding="utf-8")
    assert page.startswith("# Leaderboard: min val/mse\n") and "| 1 | optim.lr=0.03 |" in page and "| 2 seeds: " in page


def ends_with(sweep: Path, bests: dict[int, float | None]) -> None:
    """Writes down how jobs ended; None: it diverged."""
    for number, best in bests.items():
        run = Run(next(sweep.glob(f"{number}-*")))
        summary = run.summary
        summary["goal"]["best"] = best
        summary["status"] = "diverged" if best is None else "completed"
        (run.folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")


def test_a_configuration_is_best_and_not_its_lucky_seed(cli: Cli) -> None:
    assert cli("-m", "optim.lr=0.01,0.02", "seed=0,1", "model=linear", "folder=s", *QUICK)[0] == 0
    ends_with(Path("s"), {0: 0.1, 1: 0.5, 2: 0.21, 3: 0.19})
    code, out, err = cli("resume", "s")
    assert code == 0, err
    assert "the best again: dlrun optim.lr=0.02 model=linear trainer.epochs=1\n" in err
    assert [row["job"] for row in board("s")["jobs"]] == [3, 2, 0, 1]
    assert [row["rank"] for row in board("s")["jobs"]] == [1, 2, 3, 4]
    assert [each["overrides"].split()[0] for each in board("s")["seeds"]] == ["optim.lr=0.02", "optim.lr=0.01"]
    page = Path("s/leaderboard.md").read_text(encoding="utf-8").splitlines()
    assert page[-2].startswith("| 1 | optim.lr=0.02 | completed | val/mse | 0.2 ± 0.014 | 2 seeds: 0.19 0.21 | ")
    assert page[-1].startswith("| 2 | optim.lr=0.01 | completed | val/mse | 0.3 ± 0.28 | 2 seeds: 0.1 0.5 | ")
    assert "0.2 ± 0.014" in out and "2 seeds: 0.19 0.21" in out

    ends_with(Path("s"), {3: None})
    code, out, _ = cli("resume", "s")
    assert code == 1 and "1 of 2 seeds: 0.21" in out and "1 completed, 1 diverged" in out


@pytest.mark.slow
def test_a_job_of_a_sweep_is_a_run_like_any_other(cli: Cli) -> None:
    assert cli("-m", "seed=0,1", "folder=s", *QUICK)[0] == 0
    assert cli("seed=1", "trainer.epochs=1", "folder=alone")[0] == 0
    alone, job = (Run(name).summary for name in ("alone", "s/1-linear-synthetic_linear"))
    assert job["goal"] == alone["goal"] and job["status"] == "completed"
    code, out, _ = cli("eval", "s/1-linear-synthetic_linear", "--split", "val", "--json")
    assert code == 0 and json.loads(out)["val/mse"] == alone["goal"]["best"]


def test_lenient_gives_a_key_only_to_those_that_have_it(cli: Cli) -> None:
    code, _, err = cli(
        "-m",
        "model=linear,mlp",
        "++model.hidden=[8]",
        "data=synthetic_linear",
        "launcher.ignore_missing_keys=true",
        "folder=s",
        *QUICK,
    )
    assert code == 0, err
    overrides = {row["job"]: row["overrides"] for row in board("s")["jobs"]}
    assert "++model.hidden=[8]" in overrides[1] and "++model.hidden=[8]" not in overrides[0]


def test_a_sweep_as_a_file_and_the_command_line_wins(cli: Cli) -> None:
    assert cli("-m", "sweep=lr_and_optim", "optim.lr=0.01", "folder=s", *QUICK)[0] == 0
    assert [row["overrides"][:2] for row in sorted(board("s")["jobs"], key=lambda row: row["job"])] == [
        ["optim=sgd", "optim.lr=0.01"],
        ["optim=adam", "optim.lr=0.01"],
    ]


def test_sweeps_of_the_same_second_have_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        now = staticmethod(lambda: datetime(2026, 11, 21, 14, 3, 12))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(outputs, "datetime", Clock)
    facts: dict[str, Any] = {"kind": "grid", "launcher": {}, "workers": {}}
    made = [SweepDir.create(outputs.new_folder("sweep"), facts | {"command": [str(number)]}) for number in range(3)]
    day = Path("outputs/2026-11-21")
    assert [sweep.path for sweep in made] == [day / f"14-03-12-sweep{end}" for end in ("", "-2", "-3")]
    assert [sweep.facts()["command"] for sweep in made] == [["0"], ["1"], ["2"]]


@pytest.mark.slow
def test_a_folder_of_another_sweep_is_refused(cli: Cli) -> None:
    assert cli("-m", "seed=0,1", "folder=s", *QUICK)[0] == 0
    before = board("s")
    code, _, err = cli("-m", "seed=2,3", "folder=s", *QUICK)
    message = "s belongs to another sweep. Go on with that one: dlrun resume s; or type folder=PATH for another place."
    assert (code, err) == (2, f"error: {message}\n")
    assert board("s") == before


@pytest.mark.slow
def test_resume_of_a_complete_sweep_extends_it(cli: Cli) -> None:
    assert cli("-m", "optim.lr=0.03,0.01", "seed=0,1", "folder=s", *QUICK)[0] == 0
    times = {path: path.stat().st_mtime_ns for path in Path("s").glob("*/summary.json")}
    code, _, err = cli("resume", "s")
    assert code == 0 and "s is complete: nothing is left to run" in err
    code, _, err = cli("resume", "s", "--extend", "optim.lr=0.03,0.3")
    assert code == 0 and "2 jobs more, 2 there already" in err
    assert {path: path.stat().st_mtime_ns for path in times} == times
    rows = board("s")["jobs"]
    assert len(rows) == 6 and {row["job"] for row in rows if "optim.lr=0.3" in row["overrides"]} == {4, 5}
    code, _, err = cli("resume", "s", "optim.lr=0.5")
    assert code == 2 and "For more jobs type: dlrun resume s --extend optim.lr=0.5" in err


@pytest.mark.slow
def test_each_job_has_its_threads_and_gpu(cli: Cli, package: Callable[[str], None]) -> None:
    """Slots are handed out in turn; what a job sees is what its own process says."""
    from dlrun.sweep.launcher import Launcher

    cores = len(os.sched_getaffinity(0))
    plain = Launcher(workers=None, threads=None, gpus=[], ignore_missing_keys=False)
    assert len(plain.slots(100)) == cores and {slot.threads for slot in plain.slots(100)} == {1}
    assert [slot.threads for slot in plain.slots(1)] == [cores]
    cards = Launcher(workers=4, threads=3, gpus=[5, 7], ignore_missing_keys=False).slots(100)
    assert [(slot.threads, slot.gpu) for slot in cards] == [(3, 5), (3, 7), (3, 5), (3, 7)]

    package(TELLS)
    code, _, err = cli(
        "-m", "seed=0,1", "model=mine", "--config-dir", "my_conf", "trusted=[my_package]", "folder=s",
        "launcher.gpus=[5,7]", "launcher.threads=2", "trainer.epochs=1", "device=cpu",
    )  # fmt: skip
    assert code == 0, err
    assert sorted(Path("s").glob("told-*")) == [Path("s/told-5-2"), Path("s/told-7-2")]


TELLS = """
import os
from pathlib import Path
import torch

class Mine(torch.nn.Module):
    def __init__(self, in_features: int, outputs: int):
        super().__init__()
        self.layer = torch.nn.Linear(in_features, outputs)
        Path(f"s/told-{os.environ['CUDA_VISIBLE_DEVICES']}-{torch.get_num_threads()}").touch()

    def forward(self, x):
        return self.layer(x)
"""
