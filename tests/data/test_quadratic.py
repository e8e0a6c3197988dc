"""Formulas are read, not run: what they mean, and what is refused."""

import math
import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.data.quadratic import load, parsed
from dlrun.errors import UserError


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("0.1 * x1 ** 2 + 2 * x2 ** 2", 0.1 * 25 + 2 * 4),
        ("x1*x2", 10.0),
        ("-x1 - -x2 / 4", 5.0 - 0.5),
        ("sin(x1) + cos(x2) * exp(x1 / 5)", math.sin(-5) + math.cos(-2) * math.exp(-1)),
        ("log(x1 ** 2) + sqrt(-2 * x2)", math.log(25) + 2),
        ("2 ** -x2", 4.0),
        ("x1 ** 2 ** 2", 625.0),
        ("x1 + 9**9**9**9", math.inf),
    ],
)
def test_values(formula: str, expected: float) -> None:
    assert parsed(formula)(torch.tensor([-5.0, -2.0])).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
def test_many_places_at_once() -> None:
    places = torch.tensor([[[-5.0, -2.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]])
    expected = torch.tensor([[10.5, 0.0], [0.1, 2.0]])
    torch.testing.assert_close(load(formula="0.1 * x1 ** 2 + 2 * x2 ** 2").objective(places), expected)  # type: ignore[misc]


def test_gradient_at_zero_is_finite() -> None:
    x = torch.zeros(2, requires_grad=True)
    (slope,) = torch.autograd.grad(parsed("x1 ** 2 + 3 * x2")(x), x)
    assert slope.tolist() == [0.0, 3.0]


@pytest.mark.parametrize(
    "formula",
    [
        "__import__('os').system('true')",
        "x1.real",
        "x1[0]",
        "x3 + x1",
        "abs(x1)",
        "sin(x1, x2)",
        "sin(x=x1)",
        "(lambda: x1)()",
        "x1 if x1 else x2",
        "x1 > 2",
        "True * x1",
        "'a' * x1",
        "1j * x1",
        "x1 // 2",
        "x1 ^ 2",
        "[x1]",
        "x1 +",
        "",
        "x1 = 2",
        "1 + 2",
        "x1 + " + "(" * 90 + "1" + ")" * 90 + " " * 30,
        "(" * 250 + "x1" + ")" * 250,
    ],
)
def test_refused_in_one_line(formula: str) -> None:
    with pytest.raises(UserError, match=r"data\.formula") as error:
        parsed(formula)
    assert "\n" not in str(error.value)


@settings(max_examples=int(os.environ.get("DLRUN_FUZZ", "10")), deadline=None)
@given(st.one_of(st.text(), st.text(alphabet="x12+-*/().sincoexplgqrt 9e", max_size=300)))
def test_any_formula_is_a_function_or_one_message(formula: str) -> None:
    try:
        load(formula=formula)
    except UserError as error:
        assert len(str(error)) < 600
