"""`dlrun export`: what is typed, what is refused, and nothing left behind. What is written: tests/export."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from runs import Cli, Run

from dlrun.cli import exit_code

RUNS = {
    "linear": ["data=airfoil"],
    "skipgram": ["model.embed=4", "task.min_count=1", "batch_size=16"],
    "point": ["batch_size=1"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A run's folder, trained when it is first asked for."""
    folder = tmp_path_factory.mktemp("runs")

    def run(model: str) -> Path:
        if not (folder / model).exists():
            words = [f"model={model}", *RUNS[model], "stand_in=always", "device=cpu", "trainer.max_steps=2"]
            assert exit_code([*words, "trainer.limit_batches=2", f"folder={folder / model}"]) == 0
        return folder / model

    return run


def test_a_checkpoint_alone_is_asked_what_is_drawn(made: Callable[[str], Path], cli: Cli) -> None:
    shutil.copy(made("linear") / "checkpoints/best.pt", "mine.pt")
    code, _, err = cli("export", "mine.pt", "--to", "torch", "--check")
    assert code == 0 and "drawn inputs: its data is not here" in " ".join(err.split())
    assert sorted(os.listdir("torch")) == ["config.json", "example.py", "model.pt2", "schema.json"]


MISTAKES = {
    ("linear", "--to", "pickle"): "invalid choice: 'pickle' (choose from onnx, torch, safetensors, word2vec, npy)",
    ("linear", "--to", "torch", "--output", ""): "--output is empty. Name a folder.",
    ("linear", "--to", "torch", "--output", "file"): "--output file: file is a file. Name a folder.",
    ("linear", "--to", "npy"): "has no word vectors. Train some: dlrun model=skipgram",
    (
        "skipgram",
        "--to",
        "word2vec",
        "--check",
    ): "--check is for onnx, torch, safetensors: word vectors answer nothing.",
    ("point", "--to", "torch"): "its task, Minimize, gives Point no input of a user's to answer. Its weights can: "
    "--to safetensors.",
}


@pytest.mark.parametrize("typed", MISTAKES, ids=" ".join)
def test_mistakes(typed: tuple[str, ...], made: Callable[[str], Path], cli: Cli) -> None:
    name, *options = typed
    Path("file").write_text("mine")
    code, _, err = cli("export", str(made(name)), *options)
    assert code == 2 and MISTAKES[typed].replace("'", "") in " ".join(err.replace("'", "").split()), err
    assert Path("file").read_text() == "mine" and os.listdir(".") == ["file"]


def test_a_run_without_a_checkpoint(made: Callable[[str], Path], cli: Cli) -> None:
    shutil.copytree(made("linear"), "run", ignore=shutil.ignore_patterns("*.pt"))
    code, _, err = cli("export", "run", "--to", "torch")
    assert code == 2 and "run has no checkpoint best.pt yet." in " ".join(err.split())


@pytest.mark.parametrize(
    "change", [{"x_scale": "none"}, {"sizes": {"in_features": 3, "outputs": 1}}, {"labels": [1, 2]}]
)
def test_a_hostile_checkpoint(change: dict[str, Any], made: Callable[[str], Path], cli: Cli) -> None:
    state = Run(made("linear")).state("best")
    state["schema"] |= change
    torch.save(state, "hostile.pt")
    code, _, err = cli("export", "hostile.pt", "--to", "torch")
    assert code == 2 and "Traceback" not in err and os.listdir(".") == ["hostile.pt"], err


@pytest.mark.parametrize(("to", "files"), [("word2vec", ["v.w"]), ("npy", ["v.w.npy", "v.w.txt"])])
def test_word_vectors_go_into_the_file_that_is_named(
    to: str, files: list[str], made: Callable[[str], Path], cli: Cli
) -> None:
    code, out, err = cli("export", str(made("skipgram")), "--to", to, "--output", "v.w")
    assert (code, out) == (0, "") and err.endswith(f"51 words, 4 numbers each: {files[0]}\n")
    assert sorted(os.listdir(".")) == files
    code, _, err = cli("export", str(made("skipgram")), "--to", to, "--output", "nowhere/v.w")
    assert code == 2 and err.endswith(f"error: nowhere/{files[0]} can't be written: there is no folder nowhere.\n")
