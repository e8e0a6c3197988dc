"""Whatever is typed: an answer or one message, never a traceback, and nothing left behind."""

import string
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runs import Cli

from dlrun.config import compose, typed
from dlrun.errors import UserError
from dlrun.verbs import VERBS

QUICK = settings(
    max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SAFE = sorted(set(VERBS) - {"tensorboard", "train", "new"})  # they would serve, train, and write what was asked for
KEYS = [
    "seed",
    "model",
    "optim.lr",
    "folder",
    "trainer.epochs",
    "hydra.mode",
    "hydra",
    "tuned",
    "data.formula",
    "~seed",
]
PIECES = [
    *"=,()[]{}'\"\\$~+@:/.-*?|%&;#! \t\n\0",
    "${",
    "}",
    "..",
    "--",
    "range(",
    "choice(",
    "nan",
    "1e400",
    "null",
    "é",
    "中",
]
value = st.one_of(
    st.text(max_size=20),
    st.text(string.printable, max_size=30),
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
)
override = st.builds("{}={}".format, st.sampled_from(KEYS), value)
argument = st.one_of(value, override, st.builds("--{}".format, value), st.sampled_from(["--json", "--where", "--k"]))


@QUICK
@given(st.one_of(value, override))
def test_the_front_of_the_override_parser_reads_or_refuses(text: str) -> None:
    try:
        parsed = compose.parse(text)
    except UserError as error:
        assert str(error) and len(str(error)) < 1000
    else:
        assert parsed.key_or_group and "=" in text


@QUICK
@given(value)
def test_what_is_quoted_comes_back_as_it_was(text: str) -> None:
    """`folder=VALUE` of any text: no character is lost to Hydra's grammar."""
    parsed = OverridesParser.create().parse_override(f"folder={typed.quoted(text)}")
    assert str(parsed.value()).replace("\\${", "${") == text


def answered(cli: Cli, *argv: str) -> None:
    """In a folder in which nothing may appear."""
    before = set(Path().rglob("*"))
    code, _, err = cli(*argv)
    assert code in (0, 2, 3), err
    assert "Traceback" not in err
    assert sum(line.startswith("error: ") for line in err.splitlines()) == (code != 0)
    assert set(Path().rglob("*")) == before


@QUICK
@given(st.sampled_from(SAFE), st.lists(argument, max_size=4))
def test_any_arguments_of_a_verb(cli: Cli, verb: str, arguments: list[str]) -> None:
    if verb == "fetch" and "all" in arguments:
        return
    answered(cli, verb, *arguments)


@settings(QUICK, max_examples=60)
@given(st.lists(argument, max_size=3))
def test_any_arguments_of_a_training(cli: Cli, arguments: list[str]) -> None:
    answered(cli, "train", *arguments, "batch_size=0")
