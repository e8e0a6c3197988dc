"""Runs to export, and what their exported models and examples are asked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from runs import Cli

from dlrun.run.answer import Trained
from dlrun.run.folder import best_checkpoint

SHORT = ["stand_in=always", "device=cpu", "trainer.max_steps=2", "trainer.limit_batches=2", "batch_size=16"]
TEXT = ["model.embed=8", "model.hidden=8", "data=jaychou_lyrics"]
RUNS = {  # a run of each way that inputs are read and answers are told
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
OTHERS = {  # models of texts that graphs hold in ways of their own
    "rnn": ["model=rnn", *TEXT],
    "awd_lstm": ["model=awd_lstm", *TEXT],
    "scratch_lstm": ["model=scratch_lstm", *TEXT],
    "nnlm": ["model=nnlm", *TEXT],
    "transformer_lm": [
        *("model=transformer_lm", "data=jaychou_lyrics", "model.embed=8", "model.heads=2", "model.feed_forward=8"),
        "model.context=6",
    ],
    "textcnn": ["model=textcnn", "model.embed=8", "model.channels=4"],
    "bag": ["model=bag", "model.embed=8", "model.buckets=50"],
    "nbsvm": ["model=nbsvm", "model.buckets=50"],
}


def opened(run: Path) -> Trained:
    return Trained.open(*best_checkpoint(str(run)), [])


def asked_alone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """example.py in a process that has no dlrun: started elsewhere, and an import of it would fail."""
    code = (
        "import runpy, sys; sys.modules['dlrun'] = None; sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-c", code, str(folder.resolve() / "example.py"), *arguments]
    return subprocess.run(command, capture_output=True, cwd="/", env=os.environ | {"OMP_NUM_THREADS": "1"})


def alone(folder: Path, *arguments: str) -> str:
    """What it prints."""
    done = asked_alone(folder, *arguments)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().rstrip("\n")  # as bytes: a carriage return that a model wrote stays one


def example_says_the_same(name: str, run: Path, folder: Path, cli: Cli) -> None:
    """The example in that folder says what dlrun says."""
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
