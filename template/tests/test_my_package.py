"""Run by `pytest` in the folder that holds conf/ and my_package/."""

import json
import subprocess
import sys
from pathlib import Path

import torch

from my_package.data import load
from my_package.model import Net

ROOT = Path(__file__).parents[1]


def test_points_of_both_classes_are_held_out() -> None:
    data = load(n=100, turns=1.0, noise=0.0, held=0.1, seed=0)
    assert data.val and data.test and [len(part) for part in (data.train, data.val, data.test)] == [80, 10, 10]
    assert data.train.x.shape == (80, 2) and set(data.train.y.tolist()) == {0, 1}  # type: ignore[union-attr]


def test_the_model_answers_a_number_for_each_class() -> None:
    assert Net(2, 3, hidden=4, layers=2)(torch.zeros(5, 2)).shape == (5, 3)


def test_it_learns(tmp_path: Path) -> None:
    typed = [
        "--config-dir",
        "conf",
        "trusted=[my_package]",
        "model=my_package",
        "device=cpu",
        f"folder={tmp_path / 'run'}",
    ]
    subprocess.run([sys.executable, "-m", "dlrun", *typed], cwd=ROOT, check=True)
    assert json.loads((tmp_path / "run/summary.json").read_text())["goal"]["best"] > 0.95  # of the points, on val
