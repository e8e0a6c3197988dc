"""Parts of one's own take the files that CONTRIBUTING.md says: it is read here, and what it shows is run word for word.

A test across modules: model, dataset, task, optimizer and sweeper lie outside the package, a verb in a copy of it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from runs import Cli

ROOT = Path(__file__).parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
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
TYPED = re.findall(r"^dlrun (.*--config-dir my_conf .*)$", CONTRIBUTING, re.MULTILINE)
SHORT = ("device=cpu", "stand_in=always", "trainer.epochs=1", "trainer.limit_batches=2")
OWN = ("--config-dir", "my_conf", "trusted=[my_package]", "model=mine", "data=waves", "optim=signs", "device=cpu")


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [each for each in sys.modules if each.partition(".")[0] == "my_package"]:  # another test's
        monkeypatch.delitem(sys.modules, module)
    for name, text in {**SHOWN, **OPTIMIZER}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.lstrip())


@pytest.mark.slow
@pytest.mark.usefixtures("written")
def test_what_contributing_shows_runs(cli: Cli, tmp_path: Path) -> None:
    assert len(SHOWN) == 8 and len(TYPED) == 3
    for number, line in enumerate(TYPED[:2]):
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


@pytest.mark.slow
@pytest.mark.usefixtures("written")
def test_a_sweeper_of_ones_own(cli: Cli) -> None:
    """CONTRIBUTING's: values side by side; `resume` goes on with it, and its code runs where the user says so alone."""
    typed = [*TYPED[2].split(), *SHORT, "launcher.workers=1", "folder=s"]
    code, _, err = cli(*(each for each in typed if not each.startswith("trusted=")))
    sweeper = "hydra/sweeper._target_=my_package.zipped.Zipped"
    assert (code, err) == (2, f"error: {sweeper} is not trusted. If my_package is yours: trusted=[my_package].\n")
    code, _, err = cli(*typed, "batch_size=1,2,3")
    assert code == 2 and err == "error: model.hidden=8 and 1 more: another key has 3 values.\n"
    assert not Path("s").exists()
    assert cli(*typed)[0] == 0
    trusting = ["--trust", "my_package", "--config-dir", "my_conf"]
    assert cli("resume", "s", "--extend", "model.hidden=4,5", "optim.lr=0.1,0.2")[0] == 2
    assert cli("resume", "s", *trusting, "--extend", "model.hidden=4,5", "optim.lr=0.1,0.2")[0] == 0
    rows = sorted(json.loads(Path("s/leaderboard.json").read_text())["jobs"], key=lambda row: row["job"])
    pairs = [
        [each.partition("=")[2] for each in row["overrides"] if each.startswith(("model.h", "optim"))] for row in rows
    ]
    assert pairs == [["8", "0.01"], ["64", "0.001"], ["4", "0.1"], ["5", "0.2"]]
    assert {row["status"] for row in rows} == {"completed"}


def test_a_verb_is_one_file_and_one_line(tmp_path: Path) -> None:
    """In a copy of the package: which no other file of it has to know."""
    ((name, code),) = re.findall(r"```python\n# (dlrun/verbs/\w+\.py)\n(.*?)```", CONTRIBUTING, re.DOTALL)
    (line,) = re.findall(r'^    "goal": .*,$', CONTRIBUTING, re.MULTILINE)
    shutil.copytree(ROOT / "dlrun", tmp_path / "dlrun", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "conf", tmp_path / "dlrun/conf")
    (tmp_path / name).write_text(code)
    verbs = tmp_path / "dlrun/verbs/__init__.py"
    verbs.write_text(verbs.read_text().replace("VERBS = {", f"VERBS = {{\n{line}", 1))
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.yaml").write_text("choices: {}\nseed: 0\n")
    (tmp_path / "run/summary.json").write_text(json.dumps({"goal": {"metric": "val/mse", "mode": "min", "best": 0.5}}))

    def said(*words: str) -> tuple[int, str, str]:
        start = "import sys; sys.path.insert(0, sys.argv.pop(1)); from dlrun.cli import main; main()"
        command = [sys.executable, "-c", start, str(tmp_path), *words]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    assert said("goal", "run") == (0, "min val/mse: 0.5\n", "")
    assert json.loads(said("goal", "run", "--json")[1]) == {"metric": "val/mse", "mode": "min", "best": 0.5}
    assert said("gaol", "run")[2].startswith("error: There is no verb gaol. Did you mean goal?")
    assert "what it is judged by, and its best" in said("--help")[1]
