"""Word vectors of a run: asked for words never seen, and given to another run to start from.

A test across modules: vectors go from one run's checkpoint, or a file, into another one's model.
"""

import json
import re
import shutil
from pathlib import Path

import pytest
from runs import Cli, Run
from torch import Tensor

from dlrun.run.answer import Trained
from dlrun.run.folder import best_checkpoint

SKIPGRAM = ["model=skipgram", "model.embed=8", "trainer.max_steps=20", "batch_size=512", "task.min_count=1"]
LSTM = ["model=lstm", "data=ptb", "model.embed=8", "model.hidden=8", "trainer.epochs=1", "trainer.limit_batches=8"]
COMMON = ["stand_in=always", "device=cpu"]


def index(run: str) -> dict[str, int]:
    return Trained.open(*best_checkpoint(run), []).embeddings().index


@pytest.fixture
def words(cli: Cli) -> dict[str, Tensor]:
    assert cli(*SKIPGRAM, *COMMON, "folder=words")[0] == 0
    return Run("words").weights("best")


def test_a_word_never_seen_has_neighbours(cli: Cli) -> None:
    assert cli(*SKIPGRAM, "model=fasttext", "model.buckets=500", *COMMON, "folder=run")[0] == 0
    code, out, _ = cli("neighbors", "run", "bagoku", "bago", "--k", "3", "--json")
    near = json.loads(out)
    assert code == 0 and len(near["bagoku"]) == len(near["bago"]) == 3
    assert "bago" not in near["bago"]
    code, out, _ = cli("analogy", "run", "bago", "bagoku", "bade", "--json")
    assert code == 0 and "bago" not in json.loads(out)


@pytest.mark.slow
def test_a_run_starts_from_anothers_vectors(cli: Cli, words: dict[str, Tensor]) -> None:
    code, _, err = cli(*LSTM, *COMMON, "init=vectors", "init.run=words", "optim.lr=0.001", "folder=run")
    assert code == 0 and "51 of 51 words taken from words" in err
    moved = (Run("run").weights()["embedding.weight"] - words["input.weight"]).abs()
    assert 1e-4 < moved.max() < 0.02  # 8 steps of at most about 0.001


@pytest.mark.slow
def test_frozen_vectors_stay_and_outlive_their_run(cli: Cli, words: dict[str, Tensor]) -> None:
    """A run that was stopped and went on when the vectors' own run was gone ends as the one that never stopped."""
    start = [*LSTM, *COMMON, "init=vectors", "init.run=words", "init.freeze=true", "model.dropout=0.2"]
    assert cli(*start, "trainer.epochs=2", "folder=whole")[0] == cli(*start, "folder=part")[0] == 0
    shutil.rmtree("words")
    assert cli("resume", "part", "trainer.epochs=2")[0] == 0
    whole, part = Run("whole").weights(), Run("part").weights()
    assert all(whole[name].equal(part[name]) for name in whole)
    assert part["embedding.weight"].equal(words["input.weight"])
    assert cli("neighbors", "part", "bade")[0] == cli("eval", "part")[0] == 0


OTHERS = {  # and its number of words, each of the run's vectors or <unk> alone
    "nnlm": (["data=ptb", "model.hidden=8"], "51 of 51"),
    "transformer_lm": (["data=ptb", "model.heads=2", "model.feed_forward=8", "model.tied=false"], "51 of 51"),
    "bag": (["data=imdb", "model.buckets=50"], "1 of 53"),
}


@pytest.mark.slow
@pytest.mark.parametrize("model", OTHERS)
def test_other_text_models_start_so_too(model: str, cli: Cli, words: dict[str, Tensor]) -> None:
    options, found = OTHERS[model]
    short = [f"model={model}", *options, "model.embed=8", "trainer.max_steps=4", "batch_size=4", "optim.lr=0.001"]
    tables = {}
    for freeze in ("true", "false"):
        folder = f"freeze-{freeze}"
        code, _, err = cli(
            *short, *COMMON, "init=vectors", "init.run=words", f"init.freeze={freeze}", f"folder={folder}"
        )
        assert code == 0 and f"{found} words taken from words" in err, err
        tables[freeze] = Run(folder).weights()["embedding.weight"]
    given = words["input.weight"]
    unknown = index("words")["<unk>"]
    if found == "51 of 51":
        assert tables["true"][: len(given)].equal(given)
    else:
        assert tables["true"][1].equal(given[unknown]) and tables["true"].count_nonzero(dim=1).count_nonzero() == 1
    assert 1e-4 < (tables["false"] - tables["true"]).abs().max() < 0.01  # 4 steps of at most about 0.001


@pytest.mark.slow
def test_words_are_found_by_their_spelling_alone(cli: Cli, words: dict[str, Tensor]) -> None:
    """imdb's words are none of ptb's but <unk>; textcnn writes what it gets into both of its channels."""
    small = ["model=textcnn", "model.embed=8", "model.channels=4", "trainer.max_steps=1", "model.multichannel=true"]
    code, _, err = cli(*small, *COMMON, "init=vectors", "init.run=words", "folder=run")
    assert code == 0 and "1 of 53 words taken from words" in err, err
    unknown = words["input.weight"][index("words")["<unk>"]]
    state = Run("run").weights()
    assert state["constant"][1].equal(unknown) and state["embedding.weight"][1].equal(unknown)  # it occurs nowhere
    moved = (state["embedding.weight"] - state["constant"]).abs()
    assert 1e-4 < moved.max() < 2e-3  # one step: the words of the batch learn in one channel alone


@pytest.mark.slow
def test_last_is_pinned(cli: Cli) -> None:
    assert cli(*SKIPGRAM, *COMMON)[0] == 0
    assert cli(*LSTM, *COMMON, "init=vectors", "init.run=last", "folder=run")[0] == 0
    assert "run: outputs/" in Path("run/config.yaml").read_text()


MISTAKES = {
    ("init.run=nowhere",): "nowhere does not exist.",
    ("init.run=table",): "table has no word vectors. Train some: dlrun model=skipgram",
    ("init.run=words", "model.embed=16"): "The vectors of words have 8 numbers. Type model.embed=8.",
    ("init.run=words", "data=jaychou_lyrics"): "No word is among those of words. Pick another one.",
    ("init.run=3",): "init.run=3: a word is expected.",
    ("init.run=words", "init.freeze=1"): "init.freeze=1: true or false is expected.",
    ("init.freeze=true",): "init=vectors takes them from one place. Type init.file=FILE or init.run=RUN",
    ("init.run=words", "init.freeze=true", "model.tied=true"): "init.freeze=true would freeze the output too",
    (
        "model=transformer_lm",
        "model.embed=8",
        "init.run=words",
        "init.freeze=true",
    ): "init.freeze=true would freeze the output too: it is tied. Type model.tied=false.",
    ("model=nnlm", "init.run=words"): "The vectors of words have 8 numbers. Type model.embed=8.",
    (
        "model=textcnn",
        "model.multichannel=true",
        "init.run=words",
        "init.freeze=true",
    ): "One of the two channels is frozen anyway.",
    ("model=mlp", "init.run=words"): "MLP has no vectors of words to start from others.",
    ("model=mlp", "model.vectors=words"): "model.vectors is now init=vectors init.run. Type init=vectors init.run=…",
    ("init.file=nowhere.txt",): "init.file=nowhere.txt: there is no such file.",
    ("init.file=words.txt", "init.run=words"): "init=vectors takes them from one place.",
}


@pytest.mark.slow
def test_what_can_not_be_started_from(cli: Cli, words: dict[str, Tensor]) -> None:
    assert cli("trainer.max_steps=1", *COMMON, "folder=table")[0] == 0
    for typed, message in MISTAKES.items():
        base = [] if typed[0].startswith("model=") else LSTM
        home = {"model=textcnn": "imdb", "model=transformer_lm": "ptb", "model=nnlm": "ptb"}
        data = [f"data={home.get(typed[0], 'fashion_mnist')}"] if not base else []
        code, _, err = cli(*base, *data, *COMMON, "init=vectors", *typed, "folder=run")
        assert (code, message in err) == (2, True), f"{typed}: {err}"
        assert len(err.strip().splitlines()[-1]) < 200 and "Traceback" not in err
        assert not Path("run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("to", ["word2vec", "npy"])
def test_vectors_go_out_and_come_in(to: str, cli: Cli, words: dict[str, Tensor]) -> None:
    """To the last bit; the file alone is needed then."""
    code, _, err = cli("export", "words", "--to", to)
    file = {"word2vec": "word2vec.txt", "npy": "vectors.npy"}[to]
    assert code == 0 and f"51 words, 8 numbers each: words/{file}" in err
    Path(f"words/{file}").rename(file)
    if to == "npy":
        Path("words/vectors.txt").rename("vectors.txt")
    shutil.rmtree("words")
    start = [*LSTM, *COMMON, "init=vectors", f"init.file={file}", "init.freeze=true", "folder=run"]
    code, _, err = cli(*start)
    assert code == 0 and f"51 of 51 words taken from {file}" in err
    assert Run("run").weights()["embedding.weight"].equal(words["input.weight"])
    Path(file).unlink()
    assert cli("resume", "run", "trainer.epochs=2")[0] == cli("neighbors", "run", "bade")[0] == 0


def test_byte_pairs_go_out_and_come_in(cli: Cli) -> None:
    pairs = ["data=ptb", "data.tokenizer=bpe", "data.vocab_size=300", *COMMON]
    assert cli(*SKIPGRAM, *pairs, "folder=words")[0] == 0
    assert cli("export", "words", "--to", "word2vec", "--output", "out.txt")[0] == 0
    code, _, err = cli(
        *LSTM[:1], *LSTM[2:], *pairs, "init=vectors", "init.file=out.txt", "init.freeze=true", "folder=run"
    )
    assert code == 0, err
    known = int(re.findall(r"(\d+) of 300 words taken", err)[0])
    assert known > 150  # all but parts of characters, which are alike as text
    ours, theirs = Run("words").weights("best")["input.weight"], Run("run").weights()["embedding.weight"]
    assert (ours == theirs).all(1).sum() >= known - 1
