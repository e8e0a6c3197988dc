"""argv -> verb: what a person types wrong gets the exact message, the exit code, and nothing is left behind."""

import tempfile
from pathlib import Path

import pytest
from runs import Cli

from dlrun import __version__
from dlrun.cli import disk, own_bug
from dlrun.store import kept

MISTAKES = {
    ("model=lsmt",): "There is no model lsmt. Did you mean lstm?",
    ("data=fashon_mnist",): "There is no data fashon_mnist. Did you mean fashion_mnist?",
    ("optim=adma",): "There is no optim adma. Did you mean adam or adamw?",
    ("scheduler=cosin",): "There is no scheduler cosin. Did you mean cosine?",
    ("experiment=nothing_like_it",): "There is no experiment nothing_like_it.",
    ("experiment=lstm_pbt",): "There is no experiment lstm_pbt. Did you mean lstm_ptb or lstm200_ptb?\n",
    ("trian",): "There is no verb trian. Did you mean train?",
    ("optim.lrr=1",): "optim has no key lrr. Did you mean lr? Possible: lr, weight_decay.",
    ("trainer.epoch=1",): "trainer has no key epoch. Did you mean epochs",
    ("model=mlp", "model.hiden=[3]"): "model has no key hiden. Did you mean hidden?",
    ("seeds=1",): "There is no key seeds. Did you mean seed?",
    ("+model.depth=1",): "model.depth is not an option of Linear. It has none.",
    ("optim.lr=abc",): "optim.lr=abc: a number is expected.",
    ("optim.lr=-1",): "optim.lr=-1: it must be at least 0.",
    ("optim=momentum", "optim.momentum=-1"): "optim: SGD refuses its options: Invalid momentum value: -1",
    ("trainer.epochs=0",): "trainer.epochs=0: it must be at least 1.",
    ("trainer.epochs=2.5",): "trainer.epochs=2.5: a whole number is expected.",
    ("trainer.epochs=null",): "A run needs an end: type trainer.epochs=… or trainer.max_steps=…",
    ("batch_size=0",): "batch_size=0: it must be at least 1.",
    ("seed=one",): "seed=one: a whole number is expected.",
    ("model=mlp", "data=airfoil", "model.dropout=1"): "model.dropout=1: it must be from 0 to below 1.",
    ("model=mlp", "data=airfoil", "model.hidden=[-3]"): "model.hidden=[-3]: it must be at least 1.",
    ("device.precision=fp17",): "device.precision=fp17: Did you mean fp16? Possible: bf16, fp16, fp32.",
    ("folder=null",): "folder=null: a word is expected.",
    ("stand_in=maybe",): "stand_in=maybe: Possible: always, auto, never.",
    (
        "optim.lr=1,2",
    ): "optim.lr=1,2 has several values. For a sweep over them add -m; for one list type 'optim.lr=[1,2]'.",
    ("hydra.run.dir=x",): "hydra.run.dir has no effect here. Type folder=PATH to say where the run or sweep goes.",
    ("resume", "nowhere"): "nowhere does not exist. There is no run under outputs/ yet.",
    ("resume",): "dlrun resume: the following arguments are required: RUN",
    ("eval", "last"): "There is no run under outputs/ yet. Start one: dlrun model=lstm",
    ("eval", "."): ". is no run's folder: it has no config.yaml.",
    ("fetch", "ptp"): "There is no data ptp to fetch. Did you mean ptb?",
    ("runs", "nowhere"): "nowhere does not exist.",
    ("tensorboard", "nowhere"): "nowhere does not exist. Train something first: dlrun model=lstm",
    ("model._target_=os.system",): "model._target_=os.system is not trusted: it is none of dlrun's.",
    (
        "model._target_=torch.nn.functional.torch.os.system",
    ): "model._target_=torch.nn.functional.torch.os.system is not trusted",
}


@pytest.mark.parametrize("argv", MISTAKES)
def test_a_mistake_gets_one_message_and_leaves_nothing(argv: tuple[str, ...], cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli(*argv)
    assert code == 2
    assert err.startswith(f"error: {MISTAKES[argv]}")
    assert "Traceback" not in err and len(err.strip().splitlines()) == 1
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_of_our_own_is_a_line_and_its_traceback_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said = own_bug(KeyError("a\nb"))
    (log,) = tmp_path.iterdir()
    assert said == (f"This is a mistake of dlrun's own, please report it: KeyError: 'a\\nb'. The traceback is in {log}")
    assert "KeyError" in log.read_text()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    assert own_bug(ValueError("x")).endswith("ValueError: x. No log could be written: No such file or directory.")


def test_a_full_disk_is_told_from_a_users_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(OSError) as ours:
        kept.replace(tmp_path / "gone", "summary.json", lambda file: None)
    assert disk(ours.value) == (
        f"{tmp_path}/gone can't be written: No such file or directory. "
        "Make room or put that right, then type the same again."
    )
    with pytest.raises(OSError) as theirs:
        Path("mine.csv").read_text()
    assert disk(theirs.value) == disk(ValueError("x")) == ""


def test_a_working_folder_that_is_gone(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    code, out, err = cli("model=linear")
    assert (code, out, err.startswith("error: The working folder is gone")) == (2, "", True)


def test_the_first_word_decides(cli: Cli) -> None:
    assert cli("--version") == (0, f"dlrun {__version__}\n", "")
    assert cli("help")[1] == cli("--help")[1] == cli("-h")[1]
    assert cli("train", "optim.lr=-1") == cli("optim.lr=-1") == (2, "", "error: optim.lr=-1: it must be at least 0.\n")
