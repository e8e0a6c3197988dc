"""`dlrun rerun`: the same again from a saved config, bit for bit, in a folder of its own."""

from pathlib import Path

import pytest
import yaml
from runs import Cli, Run, alike


def only(pattern: str) -> Path:
    (found,) = Path().glob(pattern)
    return found


@pytest.mark.slow
def test_the_same_bits_again_and_overrides_win(cli: Cli) -> None:
    typed = ["model=mlp", "data=airfoil", "model.dropout=0.2", "seed=7", "trainer.epochs=2", "stand_in=always"]
    assert cli(*typed, "folder=first")[0] == 0
    assert cli("rerun", "first")[0] == 0
    again = only("outputs/*/*-mlp-airfoil")
    assert Run(again).numbers == Run("first").numbers and len(Run(again).numbers) > 2
    assert alike(Run("first").weights(), Run(again).weights())
    configs = [Run(run).config for run in ("first", again)]
    assert configs[1] == configs[0] | {"folder": str(again)}
    assert Run(again).summary["overrides"] == typed

    assert cli("rerun", "first", "optim.lr=1e-3", "seed=8", "folder=other")[0] == 0
    config = Run("other").config
    assert (config["optim"]["lr"], config["seed"], config["model"]) == (0.001, 8, configs[0]["model"])
    summary = Run("other").summary
    assert summary["overrides"] == [each for each in typed if each != "seed=7"] + [
        "optim.lr=1e-3",
        "seed=8",
        "folder=other",
    ]
    assert Run("other").numbers[-1] != Run(again).numbers[-1]
    assert cli("compare", "first", str(again))[1] == "no difference, in config and results\n"


@pytest.mark.slow
def test_a_job_of_a_sweep(cli: Cli) -> None:
    assert cli("-m", "optim.lr=0.01,0.02", "trainer.epochs=1", "device=cpu")[0] == 0
    job = only("outputs/*/*-sweep/1-*")
    code, _, err = cli("rerun", str(job), "folder=again")
    assert code == 0, err
    assert Run("again").numbers == Run(job).numbers
    assert Run("again").summary["overrides"][0] == "optim.lr=0.02"


def test_mistakes(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("trainer.epochs=1", "folder=run")
    mistakes = {
        "optim=adam": "rerun keeps the run's choices, and optim is one. "
        "For another type: dlrun trainer.epochs=1 optim=adam",
        "optim.lrr=1": "The run has no key optim.lrr. Did you mean lr? Possible: _target_, lr, weight_decay.",
        "optim.lr=1,2": "optim.lr=1,2 has several values; only a new sweep takes them: dlrun -m …",
        "+optim.lr=1": "+optim.lr=1: a run's keys stay what they are. Type KEY=VALUE.",
        "optim.lr": "optim.lr is no KEY=VALUE. For example: trainer.epochs=20",
        "optim.lr=-1": "optim.lr=-1: it must be at least 0.",
        "trusted=[evil]": "Code of yours is trusted with --trust PACKAGE here.",
    }
    for override, message in mistakes.items():
        assert cli("rerun", "run", override) == (2, "", f"error: {message}\n")
    assert cli("rerun", "nowhere")[2] == "error: nowhere does not exist. There is no run under outputs/ yet.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_the_saved_word_on_trust_is_not_believed(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cli("trainer.epochs=1", "folder=run")
    (tmp_path / "evil.py").write_text("import pathlib\npathlib.Path('was_here').touch()\nclass Model: ...\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "run" / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config["model"]["_target_"], config["trusted"] = "evil.Model", ["evil"]
    path.write_text(yaml.safe_dump(config))
    code, _, err = cli("rerun", "run")
    assert code == 2 and err.startswith(
        "error: model._target_=evil.Model is not trusted. If evil is yours: --trust evil."
    )
    assert not (tmp_path / "was_here").exists() and not (tmp_path / "outputs").exists()
