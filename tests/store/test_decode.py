"""Text of a kept file to plain values, and those to a typed record: what is wrong is a ValueError of one line."""

import math
from typing import TypedDict

import pytest

from dlrun.store.decode import DEEPEST, LARGEST, json_value, plain, record, said, too_deep, yaml_value


def test_json_of_metrics_has_numbers_that_are_none() -> None:
    assert json_value(b'{"a": [1, 2.5, null, true], "b": -Infinity}') == {"a": [1, 2.5, None, True], "b": -math.inf}
    assert str(json_value(b"NaN")) == "nan"


@pytest.mark.parametrize("read", [json_value, yaml_value])
def test_brackets_within_brackets_have_an_end(read) -> None:
    assert read(b"[" * DEEPEST + b"]" * DEEPEST) is not None
    for content in (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), b'{"a":' * 100 + b"1" + b"}" * 100):
        with pytest.raises(ValueError, match=f"it nests deeper than {DEEPEST} levels"):
            read(content)


def test_many_brackets_beside_each_other_are_not_deep() -> None:
    assert json_value(b"[" + b"[]," * 200 + b"[]]") == [[]] * 201
    assert not too_deep(b"[]{}" * 1000) and too_deep(b"[{" * 50)


@pytest.mark.parametrize("read", [json_value, yaml_value])
@pytest.mark.parametrize("number", [LARGEST, -LARGEST, 10**25, 10**4000], ids=["2^64", "-2^64", "25", "4000"])
def test_a_whole_number_has_64_bits(read, number: int) -> None:
    for small in (LARGEST - 1, 1 - LARGEST):
        assert read(str(small).encode()) == small
    with pytest.raises(ValueError, match="."):
        read(str(number).encode())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: &a [x]\nb: *a\n", r"it has an alias \(\*a\), which no file of dlrun's has"),
        (b"a: !!python/object:os.system x\n", "."),
        (b"a: 2024-01-01\n", "2024-01-01 is no plain value"),
        (b"a: !!binary aGVsbG8=\n", "b'hello' is no plain value"),
        (b"1: a\n", "the key 1 is no word"),
        (b"? [a, b]\n: c\n", "."),
        (b"a: !!bool x\n", "it is no plain YAML"),
        (b"a: [1\n", "."),
        (b"a: \xff\n", "."),
    ],
)
def test_yaml_of_a_strangers_run_is_plain_values(content: bytes, message: str) -> None:
    """Those of yaml's own are ValueErrors or YAMLErrors; neither runs anything."""
    with pytest.raises(Exception, match=message) as error:
        yaml_value(content)
    assert type(error.value).__module__.startswith(("builtins", "yaml"))


def test_yaml_that_is_plain() -> None:
    assert yaml_value(b"a: [1, x, null]\nb: {c: 1.5}\n") == {"a": [1, "x", None], "b": {"c": 1.5}}
    assert yaml_value(b"") is None


def test_plain_looks_into_lists_and_mappings() -> None:
    plain({"a": [1, None, {"b": "c"}]})
    for value in ({"a": [{1, 2}]}, [{"a": {2: 3}}], [b"x"]):
        with pytest.raises(ValueError, match="is no plain value|is no word"):
            plain(value)


class Line(TypedDict):
    step: int
    goal: dict[str, float] | None


def test_a_record_is_checked_and_keeps_what_it_does_not_name() -> None:
    found = record({"step": 3, "goal": None, "train/loss": 0.5}, Line)
    assert found == {"step": 3, "goal": None, "train/loss": 0.5}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"step": "three", "goal": None}, "step: expected int, got str"),
        ({"goal": None}, "object missing required field step"),
        ({"step": 1, "goal": {"a": "b"}}, "goal: expected float, got str"),
        ([], "expected object, got array"),
    ],
)
def test_what_is_wrong_with_a_record_says_where(value: object, message: str) -> None:
    with pytest.raises(ValueError) as error:
        record(value, Line)
    assert str(error.value).lower() == message


def test_what_msgspec_says_begins_with_the_place() -> None:
    assert said("Expected `object`, got `null` - at `$.choices`") == "choices: expected object, got null"
    assert said("Expected `int`, got `str` - at `key in $.a[...]`") == "a: expected int, got str"
    assert said("Expected `int`") == "Expected int"
