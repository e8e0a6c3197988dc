"""What verbs share of the command line: every complaint is one UserError, and options stand anywhere."""

import argparse
import json
import os
from pathlib import Path

import pytest
from runs import Cli

from dlrun.errors import UserError
from dlrun.verbs import parser


def made() -> parser.Parser:
    found = parser.verb("look", "Looks.", json=True)
    found.add_argument("inputs", nargs="*")
    found.add_argument("--k", type=parser.between(1, 10))
    found.add_argument("--rate", type=parser.between(0.0))
    return found


def test_options_stand_anywhere_and_numbers_are_none() -> None:
    found = made().parse_args(["--json", "run", "-1,2", "--k", "3", "-.5", "--trust", "mine"])
    assert (found.run, found.inputs, found.k, found.json, found.trust) == ("run", ["-1,2", "-.5"], 3, True, ["mine"])


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "dlrun look: the following arguments are required: RUN"),
        (["run", "--k", "11"], "dlrun look: argument --k: 11: it must be from 1 to 10."),
        (["run", "--k", "many"], "dlrun look: argument --k: invalid whole number value: 'many'."),
        (["run", "--k", "1.5"], "dlrun look: argument --k: invalid whole number value: '1.5'."),
        (["run", "--rate", "nan"], "dlrun look: argument --rate: nan: it must be at least 0."),
        (["run", "--rate", "inf"], "dlrun look: argument --rate: inf: such a number is not meant."),
        (["run", "--js"], "dlrun look: unrecognized arguments: --js"),  # options are written out
        (["\0"], "dlrun look: argument RUN: '\\x00' names no folder."),
    ],
)
def test_a_complaint_is_one_message_with_the_usage(argv: list[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        made().parse_args(argv)
    message = str(caught.value)
    assert message.startswith(said) and " Usage: dlrun look " in message and "\n" not in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("optim.lr=1e-3", ("optim.lr", 0.001)),
        ("model.hidden=[3,4]", ("model.hidden", [3, 4])),
        ("trainer.clip=null", ("trainer.clip", None)),
        ("device=cpu", ("device.name", "cpu")),  # its precision stays
    ],
)
def test_a_value_for_a_run_that_is_there(text: str, expected: tuple[str, object]) -> None:
    assert parser.saved_override(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("optim.lr=1,2", "optim.lr=1,2 has several values; only a new sweep takes them: dlrun -m …"),
        ("+optim.lr=1", "+optim.lr=1: a run's keys stay what they are. Type KEY=VALUE."),
        ("optim.lr", "optim.lr is no KEY=VALUE."),
        ("device=gpu", "There is no device gpu. "),
    ],
)
def test_what_sets_no_single_value(text: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        parser.saved_override(text)
    assert str(caught.value).startswith(said)


def test_a_file_of_the_users_own_is_that_of_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parser.saved_override("data.path=a.csv") == ("data.path", str(tmp_path / "a.csv"))


def test_a_sweep_is_no_run_and_names_its_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s").mkdir()
    facts = {"kind": "grid", "command": [], "launcher": {}, "workers": {}}
    (tmp_path / "s/sweep.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match="^s is a sweep without a job.$"):
        parser.a_run("s")
    jobs = [{"number": n, "overrides": [], "config": {"choices": {}, "folder": f"x/{n}-mlp"}} for n in range(5)]
    (tmp_path / "s/jobs.jsonl").write_text("".join(json.dumps(job) + "\n" for job in jobs))
    with pytest.raises(UserError, match="^s is a sweep. Its jobs are runs, such as s/0-mlp, s/1-mlp, s/2-mlp$"):
        parser.a_run("s")
    assert parser.a_run("anything else") == "anything else"


@pytest.mark.parametrize("text", ["", " \t"])
def test_a_word_is_not_empty(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="^it is empty$"):
        parser.a_word(text)


LONG = "x" * 300


@pytest.mark.parametrize(
    "typed",
    [
        ["eval", LONG],
        ["predict", LONG, "1,2"],
        ["predict", f"{LONG}.pt", "1,2"],
        ["sample", LONG, "a"],
        ["compare", LONG, LONG],
        ["curve", LONG, "val/mse"],
        ["export", LONG, "--to", "torch"],
        ["resume", LONG],
        ["rerun", LONG],
        ["runs", LONG],
        ["tensorboard", LONG],
        ["describe", LONG],
        ["describe", f"{LONG}.csv"],
        ["describe", "~nobody/x.csv"],
        [f"data={LONG}"],
        [f"data=~nobody/{LONG}.csv"],
        ["init=vectors", f"init.file={LONG}"],
        ["init=vectors", f"init.run={LONG}"],
        [f"{LONG}.csv"],
    ],
    ids=lambda typed: " ".join(typed).replace(LONG, "LONG"),
)
def test_names_that_no_file_can_have(typed: list[str], cli: Cli) -> None:
    """One message, exit code 2, nothing left behind."""
    code, _, err = cli(*typed)
    assert code == 2 and err.count("error: ") == 1 and "mistake of dlrun's own" not in err, err
    assert os.listdir(".") == []
