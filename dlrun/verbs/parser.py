"""argparse whose complaints are a UserError: one short message and exit code 2 like every other mistake."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import NoReturn

from dlrun.errors import UserError


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        usage = " ".join(self.format_usage().removeprefix("usage: ").split())
        raise UserError(f"{self.prog}: {message}. Usage: {usage}")


def verb(name: str, description: str, *, run: bool = True, json: bool = False) -> Parser:
    """A verb's parser, with the arguments that many verbs share: RUN and --trust, --json."""
    parser = Parser(prog=f"dlrun {name}", description=description)
    if run:
        parser.add_argument("run", metavar="RUN", help="a run's folder, or `last`")
        parser.add_argument(
            "--trust", action="append", default=[], metavar="PACKAGE", help="your package that the run uses"
        )
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def add_filter(parser: Parser) -> None:
    """For a verb about many runs: where they are, and which of them."""
    parser.add_argument("folders", nargs="*", metavar="DIR", help="default: outputs/")
    parser.add_argument(
        "--where",
        nargs="+",
        action="extend",
        default=[],
        metavar="CONDITION",
        help="such as status=failed model=lstm,gru optim.lr=0.01 'val/accuracy>0.9'; all must hold",
    )


def at_least(low: int | float) -> Callable[[str], int | float]:
    """An argument's type: a number of `low`'s own kind that is not below it."""

    def read(text: str) -> int | float:
        value = type(low)(text)
        if not value >= low:
            raise argparse.ArgumentTypeError(f"{text} is below {low}")
        return value

    read.__name__ = "whole number" if isinstance(low, int) else "number"  # argparse: "invalid whole number value"
    return read
