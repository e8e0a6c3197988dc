"""Runs on byte pairs, characters and words: what they write, answer and find, and that they go on exactly.

A test across modules: a vocabulary goes from the data through a checkpoint into each verb that answers.
"""

import json
from pathlib import Path

import pytest
from runs import Cli, Run, alike

COMMON = ["stand_in=always", "device=cpu", "trainer.epochs=1", "folder=run"]
LSTM = ["model=lstm", "model.embed=8", "model.hidden=8", "trainer.limit_batches=4", *COMMON]
BPE = ["data.tokenizer=bpe", "data.vocab_size=330"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "chosen, prompt",
    [
        (["data=ptb", *BPE], "bade Gokuß"),  # no letter is unknown to bytes
        (["data=ptb", "data.tokenizer=char"], "bade ba<unk>"),
        (["data=jaychou_lyrics", "data.tokenizer=bpe", "data.vocab_size=400"], "分开 龘"),
        (["data=jaychou_lyrics", "data.tokenizer=char"], "分开"),
    ],
)
def test_a_prompt_stands_before_what_is_written(cli: Cli, chosen: list[str], prompt: str) -> None:
    assert cli(*LSTM, *chosen)[0] == 0
    code, out, _ = cli("sample", "run", prompt, "--length", "30", "--json")
    text = json.loads(out)["text"]
    assert code == 0 and text.startswith(prompt) and len(text) > len(prompt)
    assert cli("sample", "run", prompt, "--length", "30", "--json")[1] == out


def test_phrases_are_words_too(cli: Cli, tmp_path: Path) -> None:
    assert cli(*LSTM, "data=jaychou_lyrics", "data.tokenizer=word")[0] == 0
    assert "大小 is not in the vocabulary" in cli("sample", "run", "大小")[2]  # no line is just that


@pytest.mark.slow
def test_a_review_in_byte_pairs_is_judged(cli: Cli) -> None:
    assert cli("model=bag", "data.tokenizer=bpe", "data.vocab_size=500", *COMMON, "trainer.epochs=3")[0] == 0
    code, out, _ = cli(
        "predict", "run", "A great, superb and moving film!", "Awful. The worst, a boring mess", "--json"
    )
    best = [each["prediction"] for each in json.loads(out)]
    assert code == 0 and best == ["positive", "negative"]


@pytest.mark.slow
def test_neighbours_of_a_word_in_byte_pairs(cli: Cli) -> None:
    skipgram = ["model=skipgram", "model.embed=8", "trainer.max_steps=5", "batch_size=512", "task.min_count=1"]
    assert cli(*skipgram, *BPE, *COMMON)[0] == 0
    code, out, _ = cli("neighbors", "run", "bade", "--k", "5", "--json")
    near = json.loads(out)["bade"]
    assert code == 0 and len(near) == 5 and " bade" not in near
    assert "Gokuß is not in the vocabulary of " in cli("neighbors", "run", "Gokuß")[2]
    assert cli(*LSTM[:-1], "data=ptb", *BPE, "init=vectors", "init.run=run", "folder=on")[0] == 0  # token by token


@pytest.mark.slow
def test_a_run_on_byte_pairs_goes_on_as_if_never_stopped(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was prepared is gone when it goes on: the same tokens are learned again."""
    chosen = ["data=ptb", *BPE, *LSTM]
    assert cli(*chosen, "trainer.epochs=2", "folder=whole")[0] == 0
    assert cli(*chosen)[0] == 0
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path / "elsewhere"))
    assert cli("resume", "run", "trainer.epochs=2")[0] == 0
    assert alike(Run("whole").weights(), Run("run").weights())
    assert cli("eval", "run", "--split", "test")[0] == 0


def test_a_wrong_size_is_one_line(cli: Cli, tmp_path: Path) -> None:
    code, _, err = cli(*LSTM, "data=ptb", "data.tokenizer=char", "data.vocab_size=500")
    assert code == 2 and err.splitlines()[-1].startswith("error: data.tokenizer=char has no data.vocab_size.")
    code, _, err = cli(*LSTM, "data=ptb", "data.tokenizer=pairs")
    assert code == 2 and "data.tokenizer=pairs" in err and "Possible: " in err and not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_sentence_in_byte_pairs_is_translated(cli: Cli, tmp_path: Path) -> None:
    chosen = ["model=seq2seq", "model.embed=8", "model.hidden=8", "trainer.limit_batches=4", *BPE, *COMMON]
    assert cli(*chosen)[0] == 0
    code, out, err = cli("predict", "run", "La kato vidas unu ĝardenon!", "--attention", "--json")
    ((best, *_),) = (answer["translations"] for answer in json.loads(out))
    assert code == 0 and "".join(best["source"][:-1]).startswith("la kato vidas unu ") and "not in" not in err
    assert len(best["attention"][0]) == len(best["source"]) and (tmp_path / "run/attention").exists()
