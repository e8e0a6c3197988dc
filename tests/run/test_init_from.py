"""trainer.init_from: a new run starts from another one's weights."""

import os
import shutil
from pathlib import Path

import pytest
import torch
from runs import Cli, Run, alike

from dlrun.cli import exit_code
from dlrun.data.base import Schema
from dlrun.errors import UserError
from dlrun.run.folder import RunDir
from dlrun.run.init_from import Source

MLP = ["model=mlp", "data=airfoil", "model.hidden=[8]", "stand_in=always", "device=cpu", "trainer.max_steps=4"]
STILL = ["optim=sgd", "optim.lr=0"]  # after a step the weights are those that it started from


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, and one of another width."""
    folder = tmp_path_factory.mktemp("base")
    before = os.getcwd()
    os.chdir(folder)
    try:
        assert exit_code([*MLP, "folder=base"]) == 0
    finally:
        os.chdir(before)
    return folder / "base"


def start(cli: Cli, base: Path, *more: str) -> tuple[int, str]:
    code, _, err = cli(*MLP, *STILL, f"trainer.init_from={base}", "folder=run", *more)
    return code, " ".join(err.split())


def test_all_weights_that_fit_are_taken(cli: Cli, base: Path) -> None:
    code, err = start(cli, base)
    assert code == 0 and f"4 of 4 weights taken from {base}" in err and "drawn anew" not in err
    assert alike(Run("run").weights(), Run(base).weights("best"))
    assert Run("run").config["trainer"]["init_from"] == str(base)


def test_a_checkpoint_alone_will_do(cli: Cli, base: Path) -> None:
    shutil.copy(base / "checkpoints/best.pt", "mine.pt")
    code, err = start(cli, Path("mine.pt"))
    assert code == 0 and "4 of 4 weights taken from mine.pt" in err
    assert alike(Run("run").weights(), Run(base).weights("best"))


def test_what_does_not_fit_is_as_in_any_run_of_its_seed(cli: Cli, base: Path) -> None:
    """Named in one line, and drawn as without the other run."""
    code, err = start(cli, base, "model.hidden=[8,3]")
    assert code == 0 and "2 of 6 weights taken from" in err
    assert "drawn anew: layers.3.weight (3, 8), there (1, 8), layers.3.bias (3), there (1), layers.6.weight" in err
    assert cli(*MLP, *STILL, "model.hidden=[8,3]", "folder=plain")[0] == 0
    given, plain, theirs = Run("run").weights(), Run("plain").weights(), Run(base).weights("best")
    for name in given:
        same = theirs if name.startswith("layers.0") else plain
        assert given[name].equal(same[name]), name
    assert not given["layers.0.weight"].equal(plain["layers.0.weight"])


def test_it_goes_on_exactly_when_the_other_run_is_gone(cli: Cli, base: Path) -> None:
    """Also from before its first step: of a run that was killed at once the first checkpoint is there."""
    shutil.copytree(base, "gone")
    options = [
        "trainer.init_from=gone",
        "trainer.checkpoint_every_epochs=null",
        "trainer.checkpoint_every_minutes=null",
    ]
    assert cli(*MLP, *options, "folder=whole")[0] == cli(*MLP, *options, "folder=part")[0] == 0
    shutil.rmtree("gone")
    first = torch.load("part/checkpoints/previous.pt", weights_only=True)
    assert first["trainer"]["step"] == 0
    for name in ("last.pt", "best.pt"):
        Path("part/checkpoints", name).unlink()
    Path("part/checkpoints/previous.pt").rename("part/checkpoints/last.pt")
    assert cli("resume", "part", "trainer.max_steps=5")[0] == 0
    assert cli("resume", "whole", "trainer.max_steps=5")[0] == 0
    assert alike(Run("part").weights(), Run("whole").weights())


def test_a_strangers_run_reads_nothing_outside(cli: Cli, base: Path) -> None:
    """eval, predict and resume never look where its config says it started from: here a FIFO, which would wait."""
    assert start(cli, base)[0] == 0
    os.mkfifo("trap.pt")
    config = Path("run/config.yaml")
    config.write_text(config.read_text().replace(f"init_from: {base}", "init_from: trap.pt"))
    assert "trap.pt" in config.read_text()
    assert cli("eval", "run")[0] == cli("predict", "run", "1,2,3,4,5")[0] == 0
    assert cli("resume", "run", "trainer.max_steps=5")[0] == 0
    shutil.rmtree("run/checkpoints")
    Path("run/checkpoints").mkdir()
    Path("run/summary.json").unlink()
    code, _, err = cli("resume", "run")
    assert (
        code == 2 and "run has no checkpoint, and only a new run takes trainer.init_from. Type dlrun rerun run" in err
    )


def test_last_is_pinned(cli: Cli) -> None:
    assert cli(*MLP)[0] == 0
    assert cli(*MLP, "trainer.init_from=last", "folder=run")[0] == 0
    assert Run("run").config["trainer"]["init_from"].startswith("outputs/")


MISTAKES = {
    ("trainer.init_from=nowhere",): "nowhere does not exist.",
    ("trainer.init_from=''",): "trainer.init_from is empty. Type a run, `last`, or a checkpoint such as best.pt.",
    ("trainer.init_from=3",): "trainer.init_from=3: a word is expected",
    ("trainer.init_from=noise.pt",): "noise.pt is damaged and can't be loaded",
    ("trainer.init_from=bare",): "bare has no checkpoint best.pt yet.",
    ("trainer.init_from=base", "model.hidden=[]"): "Nothing of base fits MLP. It has layers.0.weight (8, 5), "
    "layers.0.bias (8), layers.3.weight (1, 8), layers.3.bias (1); MLP has layers.0.weight (1, 5), layers.0.bias (1).",
    ("trainer.init_from=nan.pt",): "nan.pt can't be started from: layers.3.bias holds values that are no numbers.",
    ("trainer.init_from=whole.pt",): "Nothing of whole.pt fits MLP. It has layers.0.weight (8, 5) int64,",
    ("trainer.init_from=link.pt",): "link.pt is a link, and no link to a file is followed here: type the file itself.",
    ("trainer.init_from=noise.txt",): "noise.txt is a file, and no run's folder.",
    (f"trainer.init_from={'x' * 300}",): "does not exist.",
    (f"trainer.init_from={'x' * 300}.pt",): "does not exist.",
}


@pytest.mark.parametrize("typed", MISTAKES)
def test_mistakes(typed: tuple[str, ...], cli: Cli, base: Path) -> None:
    shutil.copytree(base, "base")
    shutil.copytree(base, "bare", ignore=shutil.ignore_patterns("*.pt"))
    Path("noise.pt").write_bytes(b"PK\x03\x04 nothing of use")
    Path("noise.txt").write_text("no run")
    Path("link.pt").symlink_to(base / "checkpoints/best.pt")
    state = Run(base).state("best")
    torch.save({**state, "model": {name: each.long() for name, each in state["model"].items()}}, "whole.pt")
    state["model"]["layers.3.bias"][0] = float("nan")
    torch.save(state, "nan.pt")
    code, _, err = cli(*MLP, "folder=run", *typed)
    assert code == 2 and MISTAKES[typed] in " ".join(err.split()), err
    assert not Path("run").exists()


def test_a_run_that_trains_has_no_best_checkpoint_yet(cli: Cli, base: Path) -> None:
    shutil.copytree(base, "bare", ignore=shutil.ignore_patterns("*.pt"))
    with RunDir(Path("bare")).working():
        code, _, err = cli(*MLP, "folder=run", "trainer.init_from=bare")
    assert code == 2 and "bare has no checkpoint best.pt yet: it trains. Wait for its first evaluation." in err


def test_a_home_folder_that_the_shell_left(cli: Cli, base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(base.parent))
    assert start(cli, Path("~/base"))[0] == 0 and alike(Run("run").weights(), Run(base).weights("best"))


def test_it_is_not_changed_later(cli: Cli, base: Path) -> None:
    assert start(cli, base)[0] == 0
    code, _, err = cli("resume", "run", "trainer.max_steps=9", "trainer.init_from=nowhere")
    assert code == 2 and "trainer.init_from belongs to the run and can't change when it goes on." in err


def test_a_hostile_checkpoint(base: Path, tmp_path: Path) -> None:
    """Weights that are no numbers, sparse or of another kind count as not there."""
    state = Run(base).state("best")
    state["model"]["layers.0.weight"] = torch.zeros(8, 5).to_sparse()
    state["model"]["layers.0.bias"] = torch.zeros(8, dtype=torch.int64)
    state["model"]["layers.3.weight"] = "none"
    torch.save(state, tmp_path / "hostile.pt")
    source = Source.open(str(tmp_path / "hostile.pt"))
    layers = [torch.nn.Linear(5, 8), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(8, 1)]
    model = torch.nn.ModuleDict({"layers": torch.nn.Sequential(*layers)})
    assert source.schema is not None
    said = source.into(model, source.schema)
    assert said.startswith("1 of 4 weights") and "layers.0.bias (8), there (8)" in said


def test_a_vocabulary_that_differs_is_said(base: Path) -> None:
    from dlrun.text.vocab import Vocab

    here, there = (Vocab(words, tokenization="word") for words in (["a", "b"], ["a", "c"]))
    model = torch.nn.Embedding(2, 3)
    source = Source(Path("run"), {"weight": torch.ones(2, 3)}, Schema({}, "text", vocab=there))
    said = source.into(model, Schema({}, "text", vocab=here))
    assert said == "1 of 1 weight taken from run, whose vocabulary differs (2 tokens there, 2 here)"
    assert model.weight.eq(1).all()
    source = Source(Path("run"), {"weight": torch.ones(3, 3)}, Schema({}, "text", vocab=there))
    with pytest.raises(UserError, match="Nothing of run fits Embedding, whose vocabulary differs"):
        source.into(model, Schema({}, "text", vocab=here))
