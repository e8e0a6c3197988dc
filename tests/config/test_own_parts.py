"""A model, dataset, task and optimizer of the user's own: one Python file and one YAML each, outside the package.

Model, dataset and task are those of CONTRIBUTING.md, word for word.
"""

import json
import re
import shutil
from pathlib import Path

import pytest
from runs import Cli

CONTRIBUTING = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"```(?:python|yaml)\n# ((?:my_package|my_conf)/\S+)\n(.*?)```", CONTRIBUTING, re.DOTALL))
OPTIMIZER = {
    "my_package/optim.py": """
import torch
from torch.optim import Optimizer
from dlrun.limits import NonNegativeFloat

class Signs(Optimizer):
    def __init__(self, params, *, lr: NonNegativeFloat):
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for x in group["params"]:
                x -= group["lr"] * x.grad.sign()
""",
    "my_conf/optim/signs.yaml": """
_target_: my_package.optim.Signs
lr: 0.003  # length of each step
""",
}
TYPED = re.findall(r"^dlrun (--config-dir my_conf .*)$", CONTRIBUTING, re.MULTILINE)
SHORT = ("device=cpu", "stand_in=always", "trainer.epochs=1", "trainer.limit_batches=2")
OWN = ("--config-dir", "my_conf", "trusted=[my_package]", "model=mine", "data=waves", "optim=signs", "device=cpu")


@pytest.fixture
def written(tmp_path: Path) -> None:
    for name, text in {**SHOWN, **OPTIMIZER}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip())


@pytest.mark.slow
@pytest.mark.usefixtures("written")
def test_what_contributing_shows_runs(cli: Cli, tmp_path: Path) -> None:
    assert len(SHOWN) == 6 and len(TYPED) == 2
    for number, line in enumerate(TYPED):
        code, _, err = cli(*line.split(), *SHORT, f"folder=run-{number}")
        assert code == 0, err
    chosen = [json.loads((tmp_path / f"run-{number}/summary.json").read_text())["choices"] for number in range(2)]
    assert [(each["data"], each["task"]) for each in chosen] == [
        ("fashion_mnist", "classify_images"),
        ("waves", "absolute"),
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("written")
def test_parts_of_ones_own_take_a_file_and_a_yaml_each(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli(*OWN, "trainer.epochs=30", "batch_size=16", "folder=run")
    assert code == 0, err
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["goal"]["metric"] == "val/mae" and summary["goal"]["best"] < 0.1
    chosen = {group: summary["choices"][group] for group in ("model", "data", "task", "optim")}
    assert chosen == {"model": "mine", "data": "waves", "task": "absolute", "optim": "signs"}
    shutil.copy("run/checkpoints/best.pt", "best.pt")
    code, out, err = cli("predict", "best.pt", "1.0", "--json", "--trust", "my_package")
    assert code == 0 and abs(json.loads(out)[0]["prediction"] - 0.841) < 0.2, err
    assert cli("predict", "best.pt", "1.0")[0] == 2
    assert cli("-m", *OWN, "trainer.epochs=1", "model.hidden=4,8", "launcher.workers=1", "folder=sweep")[0] == 0
    assert cli(*OWN, "optim.lr=-1")[2].startswith("error: optim.lr=-1: it must be at least 0")
    assert cli(*OWN, "data.n=0")[2].startswith("error: data.n=0: it must be at least 1")
