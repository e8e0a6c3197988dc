"""What a person types, right and wrong: the exact message, the exit code, and nothing left behind."""

import json
import sys
from pathlib import Path

import pytest
from runs import Cli, Run

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


def test_a_model_that_does_not_fit_says_what_fits(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli("model=lenet", "data=ptb", "stand_in=always")
    assert code == 2
    assert "LeNet needs in_channels" in err
    assert "Pick another data= or model=. Models that fit ptb: awd_lstm, gru, lstm, ngram" in err
    assert not (tmp_path / "outputs").exists()


def test_no_gpu_is_a_mistake(cli: Cli) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    code, _, err = cli("device=cuda")
    assert (code, err) == (2, "error: device=cuda: this machine has none. Possible: auto, cpu.\n")


def test_the_default_run_reaches_the_noise(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli("trainer.epochs=3", "folder=run")
    assert code == 0
    summary = Run("run").summary
    assert summary["status"] == "completed" and summary["metrics"]["test/mse"] < 1.5e-4  # the noise's variance: 1e-4
    assert {
        "goal",
        "epoch",
        "step",
        "parameters",
        "duration_s",
        "examples_per_s",
        "seed",
        "device",
        "data",
    } <= summary.keys()
    assert summary["goal"]["metric"] == "val/mse" and summary["parameters"] == 3
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == [
        "best.pt",
        "last.pt",
        "previous.pt",
    ]
    assert "dlrun resume run" in err
    assert "test/mse" in (tmp_path / "run" / "run.log").read_text()


def test_a_batch_larger_than_the_data_trains_on_what_there_is(cli: Cli) -> None:
    code, _, err = cli("batch_size=5000", "trainer.epochs=1", "folder=run")
    assert code == 0
    assert "warning: batch_size=5000 is more than the 800 training examples" in err


def test_a_taken_folder_gets_a_number(cli: Cli, tmp_path: Path) -> None:
    for _ in range(3):
        assert cli("trainer.epochs=1", "folder=run")[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "run-2", "run-3"]


def test_a_folder_that_cannot_be_made(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = cli("folder=file/run")
    assert code == 2
    assert err.startswith("error: The run's folder file/run can't be made:")


def test_a_run_that_diverges_says_where_and_what_to_try(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli("optim.lr=100", "trainer.epochs=50", "folder=run")
    assert code == 1
    assert "error: The loss became" in err and "Try a smaller optim.lr (now 100) or trainer.clip=1." in err
    summary = Run("run").summary
    assert summary["status"] == "diverged" and "The loss became" in summary["error"]


def test_resume_of_a_complete_run_says_how_to_extend(cli: Cli) -> None:
    cli("trainer.epochs=2", "folder=run")
    code, _, err = cli("resume", "run")
    assert code == 2
    assert err == "error: run is complete: 2 epochs, 160 steps. To go further type: dlrun resume run trainer.epochs=4\n"
    code, _, err = cli("resume", "run", "trainer.epoch=4")
    assert (code, err.startswith("error: The run has no key trainer.epoch. Did you mean epochs")) == (2, True)
    code, _, err = cli("resume", "run", "model.hidden=4")
    assert code == 2 and "model.hidden belongs to the run and can't change" in err
    assert cli("resume", "run", "trainer.epochs=3", "trainer.clip=1e-3")[0] == 0  # a number, as in a new run


def test_a_damaged_checkpoint_and_one_of_another_model(cli: Cli, tmp_path: Path) -> None:
    cli("trainer.epochs=1", "folder=run")
    cli("trainer.epochs=1", "folder=wide", "data.weights=[1,2,3]")
    best = tmp_path / "run" / "checkpoints" / "best.pt"
    best.write_bytes((tmp_path / "wide" / "checkpoints" / "best.pt").read_bytes())
    code, _, err = cli("eval", "run")
    assert code == 2 and err.startswith("error: The checkpoint is of another model than Linear: size mismatch")
    best.write_bytes(best.read_bytes()[:100])
    code, _, err = cli("eval", "run")
    assert code == 2 and "best.pt is damaged and can't be loaded" in err


def test_eval_prints_the_contracts_tags_and_adds_them(cli: Cli, tmp_path: Path) -> None:
    cli("trainer.epochs=2", "folder=run")
    code, out, _ = cli("eval", "run", "--split", "val", "--json")
    figures = json.loads(out)
    summary = Run("run").summary
    assert code == 0 and figures.keys() == {"val/loss", "val/mse"}
    assert figures["val/mse"] == pytest.approx(summary["goal"]["best"], rel=1e-6)
    assert summary["metrics"].items() >= figures.items()


def test_verbs_refuse_politely_what_a_run_cannot_do(cli: Cli) -> None:
    cli("trainer.epochs=1", "folder=run")
    assert "run is no language model: it can't write." in cli("sample", "run", "hello")[2]
    assert "run has no word vectors. Train some: dlrun model=skipgram" in cli("neighbors", "run", "word")[2]
    assert "is not 2 numbers. Type them with commas: 0,0" in cli("predict", "run", "1,2,3")[2]
    code, out, _ = cli("predict", "run", "1,1")
    assert code == 0 and float(out.split()[-1]) == pytest.approx(2 - 3.4 + 4.2, abs=0.02)


def test_an_empty_prompt(cli: Cli) -> None:
    cli("trainer.epochs=1", "folder=run")
    assert cli("sample", "run", " ")[::2] == (
        2,
        "error: The prompt is empty. Type a few words of your own in quotes after the run.\n",
    )


def test_runs_lists_sorts_and_knows_a_killed_one(cli: Cli, tmp_path: Path) -> None:
    for name, rate in (("outputs/a", 0.001), ("outputs/b", 0.03)):
        cli("trainer.epochs=1", f"optim.lr={rate}", f"folder={name}")
    summary = Run("outputs/a").summary
    (tmp_path / "outputs/a/summary.json").write_text(json.dumps(summary | {"status": "running"}))
    code, out, _ = cli("runs", "--sort", "best", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [(row["run"], row["status"]) for row in rows] == [("outputs/b", "completed"), ("outputs/a", "interrupted")]
    assert "No run has bast. Did you mean best" in cli("runs", "--sort", "bast")[2]


@pytest.mark.slow
def test_a_sweep_runs_every_job_and_names_the_failed_one(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("-m", "optim.lr=0.03,1000", "trainer.epochs=30")
    assert code == 1
    assert "job 1 diverged: optim.lr=1000  The loss became" in err
    assert "1 of 2 jobs failed" in err and "optim.lr=0.03" in out
    (sweep,) = (tmp_path / "outputs").glob("*/*-sweep")
    assert sorted(path.name for path in sweep.iterdir() if path.is_dir()) == [
        "0-linear-synthetic_linear",
        "1-linear-synthetic_linear",
    ]


def test_help_names_verbs_choices_and_keys(cli: Cli) -> None:
    code, out, _ = cli("--help")
    assert code == 0
    for word in ("resume", "model=", "lstm", "trainer.epochs", "passes over the training part", "batch_size"):
        assert word in out
    assert "tuned" not in out


@pytest.mark.slow
def test_a_model_from_outside_the_package(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CONTRIBUTING's own example: one Python file and one YAML elsewhere, with --config-dir."""
    text = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    python = text.split("```python\n")[1].split("```")[0]
    config = text.split("```yaml\n")[1].split("```")[0].split("\n", 1)[1]
    package, conf = tmp_path / "my_package", tmp_path / "my_conf" / "model"
    package.mkdir()
    conf.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "mine.py").write_text(python)
    (conf / "mine.yaml").write_text(config)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("my_package", "my_package.mine"):  # another test's
        monkeypatch.delitem(sys.modules, name, raising=False)
    common = ["--config-dir", "my_conf", "model=mine", "model.hidden=16", "data=airfoil", "stand_in=always"]
    code, _, err = cli(*common, "trainer.epochs=1", "folder=run")
    assert code == 2 and "If my_package is yours: trusted=[my_package]." in err
    code, _, err = cli(*common, "trusted=[my_package]", "trainer.epochs=1", "folder=run")
    assert code == 0, err
    code, _, err = cli("eval", "run")
    assert code == 2 and "If my_package is yours: --trust my_package." in err
    assert cli("eval", "run", "--trust", "my_package")[0] == 0
