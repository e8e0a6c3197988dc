"""`dlrun export` to other programs: the model answers the same there, and its example needs no dlrun."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from runs import Cli, Run, alike

from dlrun.cli import exit_code
from dlrun.export import check, interface, onnx, program
from dlrun.export import folder as exports
from dlrun.run.answer import Trained
from dlrun.run.folder import best_checkpoint

MORE = ("images", "texts", "translation", "bpe", "tied")
SHORT = ["stand_in=always", "device=cpu", "trainer.max_steps=2", "trainer.limit_batches=2", "batch_size=16"]
TEXT = ["model.embed=8", "model.hidden=8", "data=jaychou_lyrics"]
TINY = {  # a run of each way that inputs are read and answers are told
    "regression": ["model=linear", "data=airfoil"],
    "images": ["model=lenet"],
    "lstm": ["model=lstm", *TEXT, "model.layers=2"],
    "texts": ["model=lstm", "data=imdb", "model.embed=8", "model.hidden=8", "model.bidirectional=true"],
    "translation": ["model=seq2seq", "model.embed=8", "model.hidden=8", "model.attention=luong_general"],
    "bahdanau": ["model=seq2seq", "model.embed=8", "model.hidden=8", "model.attention=bahdanau"],
    "bpe": ["model=gru", *TEXT, "data.tokenizer=bpe", "data.vocab_size=320"],
    "tied": ["model=rnn", *TEXT, "model.tied=true"],
    "ngram": ["model=ngram", "data=jaychou_lyrics"],
    "vectors": ["model=skipgram", "model.embed=4", "task.min_count=1"],
    "point": ["model=point"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a run, trained when it is first asked for."""
    folder = tmp_path_factory.mktemp("runs")

    def run(name: str) -> Path:
        if not (folder / name).exists():
            assert exit_code([*TINY[name], *SHORT, f"folder={folder / name}"]) == 0
        return folder / name

    return run


def opened(run: Path) -> Trained:
    return Trained.open(*best_checkpoint(str(run)), [])


def alone(folder: Path, *arguments: str) -> str:
    """What example.py prints in a process that has no dlrun: started elsewhere, and an import of it would fail."""
    code = (
        "import runpy, sys; sys.modules['dlrun'] = None; sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-c", code, str(folder.resolve() / "example.py"), *arguments]
    done = subprocess.run(command, capture_output=True, cwd="/", env=os.environ | {"OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().rstrip("\n")  # as bytes: a carriage return that a model wrote stays one


# ONNX's exporter takes seconds for each, torch's less than one for the smallest


@pytest.mark.parametrize("name", ["regression", "lstm", *(pytest.param(each, marks=pytest.mark.slow) for each in MORE)])
def test_a_torch_program_answers_the_same(name: str, made: Callable[[str], Path], cli: Cli) -> None:
    code, out, err = cli("export", str(made(name)), "--to", "torch", "--check", "--output", "out", "--json")
    assert code == 0, err
    said = json.loads(out)
    assert said["check"]["good"] and said["check"]["largest"] < 1e-5 and said["check"]["rows"] > 10
    assert said["check"]["on"] == ("train" if name == "translation" else "test") and {*said["files"]} == {
        *os.listdir("out")
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", ["regression", "images", "lstm", "texts", "translation", "bpe", "tied"])
def test_onnx_answers_the_same(name: str, made: Callable[[str], Path], cli: Cli) -> None:
    code, out, err = cli("export", str(made(name)), "--to", "onnx", "--check", "--output", "out", "--json")
    assert code == 0, err
    assert json.loads(out)["check"]["good"] and json.loads(out)["check"]["largest"] < 1e-5
    examples(name, made(name), Path("out"), cli)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["regression", "images", "lstm", "texts", "translation", "bpe"])
def test_a_torch_programs_example_needs_no_dlrun(name: str, made: Callable[[str], Path], cli: Cli) -> None:
    assert cli("export", str(made(name)), "--to", "torch", "--output", "out")[0] == 0
    examples(name, made(name), Path("out"), cli)


def examples(name: str, run: Path, folder: Path, cli: Cli) -> None:
    """The example says what dlrun says."""
    if name in ("lstm", "bpe", "tied"):
        prompt = "".join(opened(run).task.schema.vocab.tokens[:3]) if name != "bpe" else "ab\u00e9 c"  # type: ignore[union-attr]
        wanted = cli("sample", str(run), prompt, "--temperature", "0", "--length", "50", "--json")[1]
        assert alone(folder, prompt) == json.loads(wanted)["text"].rstrip("\n")
        return
    given = {
        "regression": "1000,0,0.3,71,0.002",
        "images": "picture.png",
        "texts": "Great, it's GOOD!",
        "translation": "a b.",
    }
    if name == "images":
        from PIL import Image

        pixels = np.random.default_rng(0).integers(0, 255, (40, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save("picture.png")
    typed = str(Path(given[name]).resolve()) if name == "images" else given[name]
    if name == "translation":
        wanted = cli("predict", str(run), typed, "--beam", "1")[1]
        assert alone(folder, typed) == wanted.rstrip("\n")
        return
    answers = json.loads(cli("predict", str(run), typed, "--json")[1])[0]
    told = alone(folder, typed).split("\t")[1:]
    if name == "regression":
        assert float(told[0]) == pytest.approx(answers["prediction"], rel=1e-5)
        return
    for each in told:
        label, p = each.rsplit(" ", 1)
        assert float(p) == pytest.approx(answers["probabilities"][label], abs=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("to", ["torch", "onnx"])
def test_rows_of_a_users_own_table(to: str, cli: Cli) -> None:
    """Categories, dates, gaps and columns in another order are read by the example as by the run."""
    draw = np.random.default_rng(0)
    lines = ["when,clinic,size,label"]
    for number in range(120):
        size = draw.normal() + (number % 3)
        lines.append(
            f"2024-0{1 + number % 9}-1{number % 7},{'abc'[number % 3]},{size:.3f},{'yes' if size > 1 else 'no'}"
        )
    Path("own.csv").write_text("\n".join(lines) + "\n")
    arguments = ["data=own.csv", "data.target=label", "device=cpu", "trainer.epochs=3", "folder=run"]
    assert cli(*arguments)[0] == 0
    code, out, err = cli("export", "run", "--to", to, "--check", "--output", "out", "--json")
    assert code == 0 and json.loads(out)["check"]["on"] == "test", err
    Path("rows.csv").write_text("size,clinic,when\n0.5,b,2024-03-11\n,a,\n2.5,new,2024-09-12\n")
    told = [line.split("\t")[1:] for line in alone(Path("out"), str(Path("rows.csv").resolve())).splitlines()]
    trained = opened(Path("run"))
    import polars as pl

    from dlrun.tabular.columns import encoded

    columns = trained.task.schema.columns
    assert columns is not None
    x, _ = encoded(pl.read_csv("rows.csv", infer_schema_length=0), columns)
    with torch.no_grad():
        p = trained.model(trained.task.scaled(torch.from_numpy(x))).softmax(1)  # type: ignore[attr-defined]
    for row, answers in zip(p.tolist(), told, strict=True):
        found = dict(answer.rsplit(" ", 1) for answer in answers)
        wanted = dict(zip(trained.task.schema.labels or (), row, strict=True))
        assert {label: float(each) for label, each in found.items()} == pytest.approx(wanted, abs=2e-6)


@pytest.mark.slow
def test_an_onnx_file_says_what_is_free_and_has_onnxs_own_layers(made: Callable[[str], Path]) -> None:
    import onnx as library

    asked = interface.of(opened(made("lstm")))
    model = library.load_from_string(onnx.content(asked))
    library.checker.check_model(model)
    shapes = {
        each.name: [d.dim_param or d.dim_value for d in each.type.tensor_type.shape.dim] for each in model.graph.input
    }
    assert shapes == {"ids": ["batch", "length"], "state_0": [2, "batch", 8], "state_1": [2, "batch", 8]}
    assert [each.name for each in model.graph.output] == ["logits", "new_state_0", "new_state_1"]
    assert sum(node.op_type == "LSTM" for node in model.graph.node) == 2


OTHERS = {
    "rnn": ["model=rnn", *TEXT],
    "awd_lstm": ["model=awd_lstm", *TEXT],
    "scratch_lstm": ["model=scratch_lstm", *TEXT],
    "nnlm": ["model=nnlm", *TEXT],
    "transformer_lm": [
        "model=transformer_lm",
        "data=jaychou_lyrics",
        "model.embed=8",
        "model.heads=2",
        "model.feed_forward=8",
    ]
    + ["model.context=6"],
    "textcnn": ["model=textcnn", "model.embed=8", "model.channels=4"],
    "bag": ["model=bag", "model.embed=8", "model.buckets=50"],
    "nbsvm": ["model=nbsvm", "model.buckets=50"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("to", [onnx, program])
def test_other_models_of_texts(name: str, to: Any, cli: Cli) -> None:
    """One token, many tokens, one row, many rows."""
    assert cli(*OTHERS[name], *SHORT, "folder=run")[0] == 0
    trained = opened(Path("run"))
    asked = interface.of(trained)
    found = check.compared(asked, to.opened(to.content(asked)), check.drawn(trained.task))
    assert found.good and found.rows > 10


def test_an_exporter_leaves_the_model_as_it_was(made: Callable[[str], Path]) -> None:
    trained = opened(made("lstm"))
    asked = interface.of(trained)
    before = trained.model(asked.inputs["ids"], None).logits
    kernels = dict(torch.ops.aten.lstm.input.py_kernels)
    program.content(asked)
    assert torch.ops.aten.lstm.input.py_kernels == kernels
    assert trained.model(asked.inputs["ids"], None).logits.equal(before)
    assert not any("forward" in vars(layer) for layer in trained.model.modules())


def test_safetensors_hold_tied_weights_once(made: Callable[[str], Path], cli: Cli) -> None:
    run = made("tied")
    code, out, err = cli("export", str(run), "--to", "safetensors", "--check", "--output", "out", "--json")
    assert code == 0 and json.loads(out)["check"]["largest"] == 0, err
    weights = safetensors.torch.load_file("out/model.safetensors")
    schema, config = (json.loads(Path("out", name).read_text()) for name in ("schema.json", "config.json"))
    assert schema["tied"] == {"output.weight": "embedding.weight"} and "output.weight" not in weights
    assert alike(weights | {"output.weight": weights["embedding.weight"]}, Run(run).weights("best"))
    assert config["model"]["hidden"] == 8 and config["choices"]["model"] == "rnn" and "folder" not in config
    assert "output.weight float32 (41, 8)" in alone(Path("out"))


def test_a_checkpoint_alone_is_asked_what_is_drawn(made: Callable[[str], Path], cli: Cli) -> None:
    shutil.copy(made("regression") / "checkpoints/best.pt", "mine.pt")
    code, _, err = cli("export", "mine.pt", "--to", "torch", "--check")
    assert code == 0 and "drawn inputs: its data is not here" in " ".join(err.split())
    assert sorted(os.listdir("torch")) == ["config.json", "example.py", "model.pt2", "schema.json"]


def test_another_answer_is_a_failure(made: Callable[[str], Path], cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here nothing may differ at all, and one weight of the exported program does."""
    trained = opened(made("regression"))
    exported = exports.made(trained, "torch")
    with torch.no_grad():
        next(trained.model.parameters()).add_(0.01)
    found = exports.checked(exported, None, 4)
    assert not found.good and found.largest > found.allowed


MISTAKES = {
    ("lstm", "--to", "pickle"): "invalid choice: 'pickle' (choose from onnx, torch, safetensors, word2vec, npy)",
    ("lstm", "--to", "torch", "--output", ""): "--output is empty. Name a folder.",
    ("lstm", "--to", "torch", "--output", "file"): "--output file: file is a file. Name a folder.",
    ("lstm", "--to", "safetensors", "--output", "file/below"): "--output file/below: file is a file. Name a folder.",
    ("vectors", "--to", "word2vec", "--check"): "--check is for onnx, torch, safetensors: word vectors answer nothing.",
    (
        "vectors",
        "--to",
        "onnx",
    ): "its task, Word2Vec, gives WordVectors no input of a user's to answer. Its word vectors can: --to word2vec.",
    ("point", "--to", "torch"): "its task, Minimize, gives Point no input of a user's to answer. Its weights can: "
    "--to safetensors.",
    (
        "ngram",
        "--to",
        "onnx",
    ): "NGram looks its text up in tables, as many places of them as the text has, and a graph's "
    "steps are fixed. Its weights can: --to safetensors.",
    (
        "bahdanau",
        "--to",
        "torch",
    ): "Bahdanau's attention makes one word after another, in a loop that a graph would fix to "
    "one length. Its weights can: --to safetensors.",
    ("point", "--to", "npy"): "has no word vectors. Train some: dlrun model=skipgram",
}


@pytest.mark.parametrize("typed", MISTAKES, ids=" ".join)
def test_mistakes(typed: tuple[str, ...], made: Callable[[str], Path], cli: Cli) -> None:
    name, *options = typed
    Path("file").write_text("mine")
    code, _, err = cli("export", str(made(name)), *options)
    assert code == 2 and MISTAKES[typed].replace("'", "") in " ".join(err.replace("'", "").split()), err
    assert Path("file").read_text() == "mine" and os.listdir(".") == ["file"]


def test_a_run_without_a_checkpoint(made: Callable[[str], Path], cli: Cli) -> None:
    shutil.copytree(made("regression"), "run", ignore=shutil.ignore_patterns("*.pt"))
    code, _, err = cli("export", "run", "--to", "torch")
    assert code == 2 and "run has no checkpoint best.pt yet." in " ".join(err.split())


@pytest.mark.parametrize(
    "change", [{"x_scale": "none"}, {"sizes": {"in_features": 3, "outputs": 1}}, {"labels": [1, 2]}]
)
def test_a_hostile_checkpoint(change: dict[str, Any], made: Callable[[str], Path], cli: Cli) -> None:
    state = Run(made("regression")).state("best")
    state["schema"] |= change
    torch.save(state, "hostile.pt")
    code, _, err = cli("export", "hostile.pt", "--to", "torch")
    assert code == 2 and "Traceback" not in err and os.listdir(".") == ["hostile.pt"], err


def test_a_missing_library_is_said(made: Callable[[str], Path], cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "LIBRARIES", ("onnx", "no_such_library"))
    code, _, err = cli("export", str(made("regression")), "--to", "onnx")
    assert code == 2 and "--to onnx needs no_such_library, not installed here. Type: pip install 'dlrun[onnx]'" in err


FULL = """
import resource, signal, sys
from dlrun.cli import exit_code
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import torch
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
sys.exit(exit_code(["export", sys.argv[1], "--to", "safetensors", "--output", "out"]))
"""


@pytest.mark.slow
def test_a_full_disk_leaves_nothing(made: Callable[[str], Path], tmp_path: Path) -> None:
    """Files of more than 2,000 bytes can't be written: the first of them says so."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(made("lstm"))], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert done.returncode == 1 and "out/model.safetensors can't be written: File too large." in done.stderr, (
        done.stderr
    )
    assert os.listdir(tmp_path) == []
