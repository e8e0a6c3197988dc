"""`dlrun eval`: one pass over a part under the contract's tags, added to the summary where that can be written."""

import json
import shutil
from pathlib import Path

import pytest
from runs import Cli, Run

from dlrun.errors import UserError
from dlrun.verbs import eval as verb


@pytest.fixture
def run(plain: Path, tmp_path: Path) -> Run:
    """A copy that may be written to."""
    shutil.copytree(plain, tmp_path / "run")
    return Run(tmp_path / "run")


def test_it_prints_the_contracts_tags_and_adds_them(run: Run, cli: Cli) -> None:
    code, out, _ = cli("eval", "run", "--split", "val", "--json")
    found = json.loads(out)
    assert code == 0 and found.keys() == {"val/loss", "val/mse"}
    assert found["val/mse"] == pytest.approx(run.summary["goal"]["best"], rel=1e-6)
    assert cli("eval", "run", "--split", "train")[0] == 0
    assert run.summary["metrics"].items() >= found.items() and "train/mse" in run.summary["metrics"]
    out = cli("eval", "run", "--checkpoint", "last")[1]
    assert out.startswith("run (last.pt)\n") and "test/mse" in out  # by itself the test part


def test_a_checkpoint_of_another_model_and_a_damaged_one(run: Run, cli: Cli) -> None:
    assert cli("trainer.max_steps=1", "folder=wide", "data.weights=[1,2,3]")[0] == 0
    shutil.copy("wide/checkpoints/best.pt", "run/checkpoints/best.pt")
    code, _, err = cli("eval", "run")
    assert code == 2 and err.startswith("error: The checkpoint is of another model than Linear: size mismatch")
    best = Path("run/checkpoints/best.pt")
    best.write_bytes(best.read_bytes()[:100])
    code, _, err = cli("eval", "run")
    assert code == 2 and "best.pt is damaged and can't be loaded" in err


def test_a_summary_that_can_not_be_written_is_a_warning(run: Run, cli: Cli) -> None:
    """What was computed is printed all the same."""
    Path("run/summary.json").write_text("{")
    code, out, err = cli("eval", "run", "--json")
    assert code == 0 and "test/mse" in json.loads(out)
    assert "warning: run/summary.json can't be read" in err and Path("run/summary.json").read_text() == "{"
    Path("run/summary.json").unlink()
    assert cli("eval", "run")[0] == 0 and not Path("run/summary.json").exists()


def test_mistakes(run: Run, cli: Cli) -> None:
    assert cli("eval", "run", "--split", "dev")[2].startswith(
        "error: dlrun eval: argument --split: invalid choice: 'dev'"
    )
    config = Path("run/config.yaml")
    config.write_text(config.read_text().replace("val: 0.1", "val: 0.0").replace("test: 0.1", "test: 0.0"))
    code, _, err = cli("eval", "run", "--split", "val")
    assert (code, err) == (2, "error: run has no val part. Possible: train.\n")
    with pytest.raises(UserError, match="^model.hidden=3: a run is evaluated as it was trained; only data.path, "):
        verb.moved_file("model.hidden=3")
    assert verb.moved_file("data.path=a.csv") == ("data.path", str(Path("a.csv").absolute()))
