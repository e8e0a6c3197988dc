"""A checkpoint answers by itself: without its data, run's folder or a network, and touches nothing global."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import Cli, Run
from torch import nn

from dlrun.run.answer import Trained, Undrawn
from dlrun.run.folder import best_checkpoint

COMMON = ("stand_in=always", "device=cpu", "trainer.max_steps=6", "folder=run")
ASKED: dict[str, tuple[list[str], list[str]]] = {  # a run, and a question
    "numbers": (["model=linear", "data=airfoil"], ["predict", "1000,0,0.3,71,0.002"]),
    "image": (["model=lenet"], ["predict", "picture.png"]),
    "a table's classes": (["model=softmax"], ["predict", "picture.png"]),
    "text": (["model=bag"], ["predict", "so great"]),
    "naive Bayes": (["model=nbsvm", "model.buckets=100"], ["predict", "so great"]),
    "byte pairs": (["model=bag", "data.tokenizer=bpe", "data.vocab_size=300"], ["predict", "so great"]),
    "language model": (["model=lstm", "model.hidden=8", "model.embed=8"], ["sample", "分开"]),
    "n-gram": (["model=ngram", "trainer.epochs=1", "trainer.max_steps=null"], ["sample", "bade", "--seed", "3"]),
    "transformer": (["model=transformer_lm", "model.embed=8", "model.heads=2"], ["sample", "分开"]),
    "translation": (["model=seq2seq", "model.hidden=8", "model.embed=8", "batch_size=100"], ["predict", "la kato"]),
    "word vectors": (["model=skipgram", "model.embed=8"], ["neighbors", "bade"]),
    "spelled vectors": (["model=fasttext", "model.embed=8", "model.buckets=50"], ["neighbors", "badegofi"]),
    "counted vectors": (["model=glove", "model.embed=8"], ["analogy", "bade", "figo", "kula"]),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ASKED)
def test_a_checkpoint_is_enough(kind: str, cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The same answer from the run, from a copy of its checkpoint alone, and with no data to be had."""
    trained, (verb, *question) = ASKED[kind]
    if kind == "a table's classes":
        trained = ["model=scratch_softmax"]
    assert cli(*trained, *COMMON)[0] == 0
    from PIL import Image

    Image.new("L", (28, 28), 120).save("picture.png")
    code, first, err = cli(verb, "run", *question, "--json")
    assert code == 0, err
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path / "nothing"))
    monkeypatch.setenv("DLRUN_MIRRORS", str(tmp_path / "nowhere"))
    shutil.copy("run/checkpoints/best.pt", "best.pt")
    shutil.rmtree("run")
    code, alone, err = cli(verb, "best.pt", *question, "--json")
    assert (code, alone) == (0, first), err
    assert not (tmp_path / "nothing").exists()


def test_nothing_global_is_touched(cli: Cli) -> None:
    assert cli("model=mlp", "data=airfoil", *COMMON)[0] == 0
    torch.manual_seed(5)
    random.seed(5)
    before = torch.get_rng_state(), random.getstate(), torch.get_num_threads(), torch.is_grad_enabled()
    trained = Trained.open(*best_checkpoint("run"), [])
    trained.predict(["1000,0,0.3,71,0.002"])
    after = torch.get_rng_state(), random.getstate(), torch.get_num_threads(), torch.is_grad_enabled()
    assert before[0].equal(after[0]) and before[1:] == after[1:]


def test_weights_that_are_overwritten_are_not_drawn() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    with Undrawn():
        nn.Sequential(nn.Linear(3, 4), nn.Embedding(5, 6), nn.EmbeddingBag(5, 6), nn.Conv2d(1, 2, 3), nn.LSTM(3, 4))
        nn.init.uniform_(nn.MultiheadAttention(4, 2).out_proj.weight, -0.5, b=0.5)
    assert before.equal(torch.get_rng_state())
    nn.Linear(3, 4)
    assert not before.equal(torch.get_rng_state())


def spoil(change: Callable[[dict[str, Any]], object]) -> None:
    state = Run("run").state("best")
    change(state)
    torch.save(state, "bad.pt")


@pytest.fixture
def trained(cli: Cli) -> None:
    assert cli("model=linear", "data=airfoil", *COMMON)[0] == 0


SPOILED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "none": (lambda state: state.pop("schema"), "bad.pt has no schema: an older dlrun made it. Type its run's folder"),
    "of a later version": (
        lambda state: state["schema"].update(version=2),
        "The schema of bad.pt has format 2, and this dlrun reads 1: a newer dlrun made it.",
    ),
    "no dict": (lambda state: state.update(schema=[1]), "bad.pt has no schema that can be read"),
    "no sizes": (lambda state: state["schema"].pop("sizes"), "bad.pt has no schema that can be read"),
    "a negative size": (lambda state: state["schema"]["sizes"].update(in_features=-1), "no schema that can be read"),
    "a huge size": (lambda state: state["schema"]["sizes"].update(in_features=2**39), "of memory"),
    "another size": (lambda state: state["schema"]["sizes"].update(in_features=7), "of another model than Linear"),
    "a broken vocabulary": (lambda state: state["schema"].update(vocab="{"), "bad.pt has no schema that can be read"),
    "a scale of another width": (
        lambda state: state["schema"].update(x_scale=(torch.zeros(3), torch.ones(3))),
        "bad.pt: its schema and its model do not go together",
    ),
    "a scale that is a word": (lambda state: state["schema"].update(x_scale="ab"), "no schema that can be read"),
    "no config": (lambda state: state.pop("config"), "bad.pt has no config that can be read"),
    "a config without a model": (
        lambda state: state["config"].pop("model"),
        "has no config that can be read: it has no model.",
    ),
    "code in its config": (
        lambda state: state["config"]["model"].update(_target_="os.system"),
        "model._target_=os.system is not trusted",
    ),
    "another task": (
        lambda state: state["config"].update(task={"_target_": "dlrun.task.lm.LanguageModel", "goal": "min loss"}),
        "task.seq_len has no value",
    ),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_what_a_strangers_checkpoint_may_say(kind: str, cli: Cli, trained: None) -> None:
    change, message = SPOILED[kind]
    spoil(change)
    code, _, err = cli("predict", "bad.pt", "1000,0,0.3,71,0.002")
    assert (code, message in err, len(err.strip().splitlines())) == (2, True, 1), err


def test_a_run_of_before_asks_its_data(
    cli: Cli, trained: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    code, first, _ = cli("predict", "run", "1000,0,0.3,71,0.002", "--json")
    for path in Path("run/checkpoints").iterdir():
        state = Run("run").state(path.stem)
        del state["schema"], state["config"]
        torch.save(state, path)
    assert cli("predict", "run", "1000,0,0.3,71,0.002", "--json")[:2] == (0, first)
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path / "nothing"))
    config = Path("run/config.yaml")
    config.write_text(config.read_text().replace("stand_in: always", "stand_in: never"))
    monkeypatch.setenv("DLRUN_MIRRORS", str(tmp_path / "nowhere"))
    monkeypatch.setattr("dlrun.files.transport.opened", refused)
    code, _, err = cli("predict", "run", "1000,0,0.3,71,0.002")
    assert code == 3 and "Traceback" not in err


def refused(*_: Any, **__: Any) -> None:
    raise OSError("no network")


def test_what_is_no_checkpoint(cli: Cli) -> None:
    Path("text.pt").write_text("hello")
    code, _, err = cli("predict", "text.pt", "1")
    assert code == 2 and err.startswith("error: text.pt is damaged and can't be loaded")
    code, _, err = cli("predict", "nowhere.pt", "1")
    assert code == 2 and "nowhere.pt does not exist" in err


def test_the_schema_of_a_run_is_in_each_checkpoint(cli: Cli, trained: None) -> None:
    for name in ("best", "last"):
        state = Run("run").state(name)
        assert state["schema"]["sizes"] == {"in_features": 5, "outputs": 1} and state["config"]["seed"] == 0
    assert json.dumps(state["config"])
