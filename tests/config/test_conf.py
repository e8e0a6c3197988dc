"""conf/: every choice composes and builds, every key says what it is, and the home chain holds.

A test across modules: what it examines are the YAML files.
"""

import re
from pathlib import Path

import pytest

from dlrun.config import assemble, catalogue, compose

CONF = Path(__file__).parents[2] / "conf"


def composed(*overrides: str) -> dict:
    return compose.Composer(compose.read([*overrides, "folder=somewhere"])).one().config


ALL = [(group, name) for group in catalogue.GROUPS if group != "trainer" for name in catalogue.choices(group)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("group", "name"), [each for each in ALL if each not in (("device", "cuda"), ("device", "mps"))]
)
def test_every_choice_composes_and_is_checked(group: str, name: str) -> None:
    assemble.check(composed(f"{group}={name}"))


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONF)))
def test_every_key_has_help(path: Path) -> None:
    """A key with a plain value says behind it what it is; experiments and tuned values say it at the top instead."""
    if path.parent.name in ("experiment", "sweep", "tuned"):
        assert path.read_text(encoding="utf-8").count("\n# ") >= 3 or path.parent.name != "experiment"
        return
    text = path.read_text(encoding="utf-8").split("\nhydra:")[0]
    for line in text.splitlines():
        if re.match(r" *(?!_target_|urls|sha|defaults|name: (cpu|cuda|mps)$)[a-z_]+: *[^ ].*$", line):
            assert "  # " in line or line.strip().startswith(("-", "{")) or ".gz:" in line, line


def test_experiments_promise_a_result() -> None:
    for name in catalogue.choices("experiment"):
        text = catalogue.text("experiment", name)
        assert f"# dlrun experiment={name}\n" in text
        for key in ("title", "reference", "seeds"):
            assert f"\n# {key}: " in text, name
        assert re.search(r"\n# reach: (train|val|test)/[a-z]+ (<=|>=) [\d.]+", text), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "data", "task", "optim"),
    [
        (["model=lstm"], "jaychou_lyrics", "lm", "adam"),
        (["model=lstm", "data=imdb"], "imdb", "classify_texts", "adam"),
        (["data=imdb", "model=lstm"], "imdb", "classify_texts", "adam"),
        (["model=lstm", "optim=sgd"], "jaychou_lyrics", "lm", "sgd"),
        (["model=skipgram"], "ptb", "word2vec", "adam"),
        (["model=seq2seq"], "fr_en", "translate", "adam"),
        (["model=transformer", "data=fra_eng"], "fra_eng", "translate", "adam"),
        (["model=cbow", "data=imdb"], "imdb", "cbow", "adam"),
        (["model=fasttext", "task=cbow"], "ptb", "cbow", "adagrad"),
        (["model=glove", "data=imdb"], "imdb", "glove", "adagrad"),
        (["data=airfoil"], "airfoil", "regress", "sgd"),
        (["model=point", "optim=newton"], "quadratic", "minimize", "newton"),
        (["experiment=lstm_ptb"], "ptb", "lm", "sgd"),
        (["experiment=lstm_ptb", "data=jaychou_lyrics", "optim=adam"], "jaychou_lyrics", "lm", "adam"),
    ],
)
def test_the_home_chain(overrides: list[str], data: str, task: str, optim: str) -> None:
    """The command line beats an experiment, which beats the model's choice, which beats the data's."""
    chosen = composed(*overrides)["choices"]
    assert (chosen["data"], chosen["task"], chosen["optim"]) == (data, task, optim)


def test_tuned_values_are_for_their_triple_alone() -> None:
    tuned = composed("model=lstm")["optim"]["lr"]
    assert composed("model=lstm", "optim=adam")["optim"]["lr"] == tuned
    assert composed("model=lstm", "optim=sgd")["optim"]["lr"] != tuned
    assert composed("model=lstm", "data=ptb")["optim"]["lr"] != tuned
    assert composed("model=lstm", "optim.lr=0.5")["optim"]["lr"] == 0.5
