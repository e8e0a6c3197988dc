"""`dlrun sample`: text behind a prompt, the same for the same seed."""

import json
from pathlib import Path

import pytest
from runs import Cli

from dlrun.run.answer import Trained
from dlrun.run.folder import best_checkpoint
from dlrun.verbs import sample


@pytest.fixture
def prompt(writer: Path) -> str:
    vocab = Trained.open(*best_checkpoint(str(writer)), []).task.schema.vocab
    assert vocab is not None
    return "".join(token for token in vocab.tokens if token.isalpha())[:2]


def test_a_seed_decides_what_is_written(writer: Path, prompt: str, cli: Cli) -> None:
    def written(*words: str) -> str:
        code, out, err = cli("sample", str(writer), prompt, "--length", "30", *words)
        assert (code, err) == (0, "")
        return out

    assert written() == written("--seed", "0") != written("--seed", "1")
    assert written("--temperature", "0") == written("--top-k", "1", "--seed", "5") == written("--top-k", "1")
    said = json.loads(written("--json"))
    assert said == {"prompt": prompt, "text": written()[:-1]}


def test_it_writes_as_many_tokens_as_asked_for(writer: Path, prompt: str) -> None:
    trained = Trained.open(*best_checkpoint(str(writer)), [])
    for length in (1, 7):
        found = sample.text(trained, prompt, length=length, temperature=0.8)
        assert found.startswith(prompt) and len(found) == len(prompt) + length


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([" "], "The prompt is empty. Type a few words of your own in quotes after the run."),
        (["qx!"], "q is not in the vocabulary"),
        (["a", "--length", "0"], "dlrun sample: argument --length: 0: it must be from 1 to 1,000,000."),
        (["a", "--temperature", "-1"], "dlrun sample: argument --temperature: -1: it must be at least 0."),
        (["a", "--top-k", "0"], "dlrun sample: argument --top-k: 0: it must be at least 1."),
        ([], "dlrun sample: the following arguments are required: PROMPT"),
    ],
)
def test_mistakes(words: list[str], said: str, writer: Path, cli: Cli) -> None:
    code, out, err = cli("sample", str(writer), *words)
    assert (code, out) == (2, "") and err.startswith("error: ") and said in err and err.count("\n") == 1


def test_what_can_not_write(plain: Path, cli: Cli) -> None:
    wanted = f"error: {plain} is no language model: it can't write. Its task: Regress.\n"
    assert cli("sample", str(plain), "hello") == (2, "", wanted)
