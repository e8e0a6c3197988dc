"""A model, dataset, task and optimizer of the user's own: one Python file and one YAML each, outside the package."""

import json
import shutil
from pathlib import Path

import pytest
from runs import Cli, Run

FILES = {
    "mine_all/model.py": """
from torch import Tensor, nn
from dlrun.limits import PositiveInt

class Net(nn.Module):
    def __init__(self, in_features: int, outputs: int, *, hidden: PositiveInt):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(in_features, hidden), nn.Tanh(), nn.Linear(hidden, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)
""",
    "my_conf/model/net.yaml": """
# @package _global_
defaults:
  - override /data: waves
  - override /optim: signs

model:
  _target_: mine_all.model.Net
  hidden: 16  # units
""",
    "mine_all/data.py": """
import torch
from dlrun.data.base import Data, Schema, Split
from dlrun.limits import PositiveInt

def load(*, n: PositiveInt) -> Data:
    x = torch.linspace(-2, 2, n).unsqueeze(1)
    split = Split(x, x.sin())
    return Data(split, split, None, Schema({"in_features": 1, "outputs": 1}, "table", "number"))
""",
    "my_conf/data/waves.yaml": """
# @package _global_
defaults:
  - override /task: absolute

data:
  _target_: mine_all.data.load
  n: 64  # points
""",
    "mine_all/task.py": """
from torch import nn
from dlrun.limits import PositiveFloat
from dlrun.task.base import StepOutput
from dlrun.task.regress import Batch, Regress

class Absolute(Regress):
    def __init__(self, schema, *, weight: PositiveFloat):
        super().__init__(schema, goal="min mae", metrics=["mae"], units="scaled")
        self.weight = weight

    def step(self, model: nn.Module, batch: Batch) -> StepOutput:
        errors = (model(batch.x) - batch.y).abs().mean(dim=1)
        return StepOutput(self.weight * errors.mean(), {"mae": errors}, len(errors))
""",
    "my_conf/task/absolute.yaml": """
_target_: mine_all.task.Absolute
weight: 1.0  # of the loss
""",
    "mine_all/optim.py": """
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
_target_: mine_all.optim.Signs
lr: 0.01  # length of each step
""",
}
TYPED = ("--config-dir", "my_conf", "trusted=[mine_all]", "model=net", "device=cpu", "trainer.epochs=30")


@pytest.mark.slow
def test_parts_of_ones_own_take_a_file_and_a_yaml_each(cli: Cli, tmp_path: Path) -> None:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip())
    code, _, err = cli(*TYPED, "folder=run")
    assert code == 0, err
    summary = Run("run").summary
    assert summary["goal"]["metric"] == "val/mae" and summary["goal"]["best"] < 0.1
    chosen = {group: summary["choices"][group] for group in ("model", "data", "task", "optim")}
    assert chosen == {"model": "net", "data": "waves", "task": "absolute", "optim": "signs"}
    shutil.copy("run/checkpoints/best.pt", "best.pt")
    code, out, err = cli("predict", "best.pt", "1.0", "--json", "--trust", "mine_all")
    assert code == 0 and abs(json.loads(out)[0]["prediction"] - 0.841) < 0.2, err
    assert cli("predict", "best.pt", "1.0")[0] == 2
    assert cli("-m", *TYPED, "model.hidden=4,8", "launcher.workers=1", "folder=sweep")[0] == 0
    assert cli(*TYPED, "optim.lr=-1")[2].startswith("error: optim.lr=-1: it must be at least 0")
