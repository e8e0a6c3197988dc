"""A YAML file of the user's own: what can't be a config is one message with the line, before Hydra reads it."""

from pathlib import Path

import pytest

from dlrun.config import own_yaml
from dlrun.errors import UserError

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcde", "bcdef", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model:\n  hidden: [3\n", ", line 3: "),
        ("model:\n\thidden: 3\n", ", line 2: found character '\\t' that cannot start any token."),
        ("a: 1\nb: 2\na: 3\n", ", line 3: found duplicate key a."),
        ("model: {b: 1, b: 2}\n", ", line 1: found duplicate key b."),
        ("- a\n- b\n", " holds no keys: KEY: VALUE is expected in each line."),
        ("just words", " holds no keys"),
        ("5: a\n", ": a key has to be a word, and 5 is none."),
        ("defaults: x\n", ": defaults is a list, such as [override /data: ptb]."),
        ("a: !!python/object:os.system x\n", ", line 1: could not determine a constructor"),
        ("a: *nobody\n", ", line 1: found undefined alias"),
        ("a: &a [*a]\n", " nests too deep, or an alias in it holds itself."),
        ("a: " + "[" * 2000, " nests too deep"),
        (BOMB, " has more than 100,000 values once its aliases are written out."),
        ("a: 2026-99-99\n", ": "),
        ("a\x07: 1\n", ": unacceptable character"),
        (b"a: \xff\n", ": 'utf-8' codec can't decode"),
        ("#" * 1_000_001, " is larger than a config can be, 1,000,000 bytes."),
    ],
)
def test_what_can_not_be_a_config(text: str | bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError) as caught:
        own_yaml.check(path)
    message = str(caught.value)
    assert message.startswith(f"{path}{said}") and "\n" not in message


@pytest.mark.parametrize(
    "text", ["", "# nothing yet\n", "a: &a [1, 2]\nb: *a\n", "a: {b: 1}\nc: {b: 2}\n", "defaults: []\n", "日本: 語\n"]
)
def test_what_can_be_one(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    own_yaml.check(path)


def test_an_alias_counts_as_often_as_it_stands() -> None:
    import yaml

    node = yaml.compose("a: &a [1, 2]\nb: [*a, *a]\n", Loader=yaml.SafeLoader)
    assert own_yaml.values(node, {}) == 1 + (1 + 3) + (1 + 1 + 3 + 3)
