"""A function of two numbers to go down on: the course's ill-conditioned bowl (book 7.4), or a formula of one's own."""

import ast
import operator
from collections.abc import Callable

import torch
from torch import Tensor

from dlrun.data.base import Data, Schema, Split
from dlrun.errors import UserError

Objective = Callable[[Tensor], Tensor]

VARIABLES = {"x1": 0, "x2": 1}
FUNCTIONS = {name: getattr(torch, name) for name in ("sin", "cos", "exp", "log", "sqrt")}
OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
LONGEST = 200  # characters: nothing in it can then nest too deep for Python
POSSIBLE = f"Possible: numbers, x1, x2, + - * / **, {' '.join(FUNCTIONS)}."


def load(*, formula: str) -> Data:
    """What exists is the formula itself: the training part is a pass over nothing but it, and nothing is held out.

    UserError for a formula that holds anything but numbers, x1, x2, + - * / ** and five functions.
    """
    schema = Schema({"coordinates": 2}, "function")
    return Data(Split(torch.zeros(1, 2)), None, None, schema, objective=parsed(formula))


def parsed(formula: str) -> Objective:
    """`0.1 * x1 ** 2 + 2 * x2 ** 2` -> a function (..., 2) -> (...). It is read, never run as Python."""
    if len(formula) > LONGEST:
        raise UserError(f"data.formula has {len(formula)} characters; it may have {LONGEST}.")
    try:
        tree = ast.parse(formula.strip(), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise UserError(f"data.formula={formula} can't be read. {POSSIBLE}") from error
    if not any(isinstance(node, ast.Name) and node.id in VARIABLES for node in ast.walk(tree)):
        raise UserError(f"data.formula={formula} has neither x1 nor x2. {POSSIBLE}")
    return built(tree)


def built(node: ast.expr) -> Objective:
    """The function of one node, made of those below it."""
    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            # As a tensor, 9**9**9**9 is infinite at once; Python's whole numbers would go on computing it.
            return lambda x: torch.full((), float(value), dtype=x.dtype, device=x.device)
        case ast.Name(id=name) if name in VARIABLES:
            return lambda x: x[..., VARIABLES[name]]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            below = built(inner)
            return lambda x: -below(x)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATIONS:
            apply, first, second = OPERATIONS[type(op)], built(left), built(right)
            return lambda x: apply(first(x), second(x))
        case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in FUNCTIONS:
            function, argument = FUNCTIONS[name], built(inner)
            return lambda x: function(argument(x))
    raise UserError(f"data.formula: {ast.unparse(node)} is not allowed. {POSSIBLE}")
