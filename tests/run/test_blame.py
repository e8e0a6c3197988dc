"""Whose fault it is: the user's own code, their data, a full disk, the memory, or dlrun; each in one line."""

import sys
from pathlib import Path

import pytest
from runs import Cli, Run

MINE = """
import torch
from dlrun.data.base import Data
from dlrun.data import synthetic_linear

class Mine(torch.nn.Module):
    def __init__(self, in_features: int, outputs: int, *, how: str):
        super().__init__()
        self.layer = torch.nn.Linear(in_features, outputs)
        self.how = how
        self.calls = 0
        if how == "builds":
            raise ValueError("a bug of mine")
        if how == "dropout":
            torch.nn.Dropout(1.5)

    def forward(self, x):
        self.calls += 1
        if self.how == "answers" and self.calls == 3:
            return self.layer(x[:, :1])
        if self.how == "opens":
            open("nosuch.csv")
        if self.how == "memory" and self.training or self.how == "evaluated memory" and not self.training:
            torch.empty(1 << 60)
        if self.how == "evaluated" and not self.training:
            raise ValueError("a bug of mine in evaluation")
        return self.layer(x)

def load(*, n: int, how: str) -> Data:
    if how == "loads":
        return {}["a column"]
    if how == "reads":
        open("nosuch.csv")
    if how == "memory":
        torch.empty(1 << 60)
    return synthetic_linear.load(weights=[2.0, -3.4], bias=4.2, noise=0.01, n=n, val=0.1, test=0.1, seed=0)
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is typed to use my_package."""
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package/__init__.py").write_text(MINE)
    for group, text in {
        "model": "# @package _global_\ndefaults:\n  - override /data: mine\n"
        "model:\n  _target_: my_package.Mine\n  how: well\n",
        "data": "# @package _global_\ndefaults:\n  - override /task: regress\n"
        "data:\n  _target_: my_package.load\n  n: 200\n  how: well\n",
    }.items():
        (tmp_path / "my_conf" / group).mkdir(parents=True)
        (tmp_path / "my_conf" / group / "mine.yaml").write_text(text)
    monkeypatch.delitem(sys.modules, "my_package", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    return ["model=mine", "--config-dir", "my_conf", "trusted=[my_package]", "device=cpu", "trainer.epochs=1"]


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(MINE.splitlines(), 1) if text in line)


@pytest.mark.parametrize(
    ("typed", "kind", "line"),
    [
        ("model.how=builds", "ValueError: a bug of mine", 'raise ValueError("a bug'),
        ("model.how=answers", "RuntimeError: ", "self.layer(x[:, :1])"),
        ("model.how=evaluated", "ValueError: a bug of mine in evaluation", 'raise ValueError("a bug of mine in'),
        ("model.how=opens", "FileNotFoundError: [Errno 2] No such file or directory: 'nosuch.csv'", 'open("nosuch'),
        ("data.how=loads", "KeyError: 'a column'", '{}["a column"]'),
        ("data.how=reads", "FileNotFoundError: [Errno 2] No such file or directory: 'nosuch.csv'", "reads"),
    ],
)
def test_the_users_own_code(cli: Cli, mine: list[str], typed: str, kind: str, line: str) -> None:
    code, out, err = cli(*mine, typed, "folder=run")
    last = err.splitlines()[-1]
    number = line_of(line) + (line == "reads")
    assert code == 1 and last.startswith(f"error: my_package/__init__.py:{number}: {kind}"), err
    assert last.endswith(". The traceback is in run/run.log") and "Traceback" not in out + err
    assert "Traceback" in Path("run/run.log").read_text()
    summary = Run("run").summary
    assert summary["status"] == "failed" and kind in summary["error"]
    assert "failed" in cli("runs", ".")[1]


def test_a_part_of_torch_that_refuses_a_value_is_a_mistake(cli: Cli, mine: list[str]) -> None:
    code, _, err = cli(*mine, "model.how=dropout", "folder=run")
    assert code == 2 and "model: Mine refuses its options: dropout probability" in err and not Path("run").exists()


def test_memory_that_is_full_before_a_run(cli: Cli, mine: list[str]) -> None:
    code, out, err = cli(*mine, "data.how=memory", "folder=run")
    assert code == 2 and not Path("run").exists() and "Traceback" not in out + err
    assert err.splitlines()[-1].startswith("error: The data (data.n=200) would take 4,611,686,018.4 GB of memory; ")


def test_memory_that_is_full_in_an_evaluation_is_seen_before_a_run(cli: Cli, mine: list[str]) -> None:
    code, out, err = cli(*mine, "model.how=evaluated memory", "folder=run")
    assert code == 2 and not Path("run").exists() and "Traceback" not in out + err
    assert "Lower one of batch_size=" in err.splitlines()[-1]


def test_memory_that_is_full_in_a_run(cli: Cli, mine: list[str]) -> None:
    code, out, err = cli(*mine, "model.how=memory", "folder=run")
    assert code == 1 and "Lower one of batch_size=" in err.splitlines()[-1] and "Traceback" not in out + err
    assert Run("run").summary["status"] == "failed"
