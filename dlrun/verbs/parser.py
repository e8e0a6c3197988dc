"""argparse whose complaints are a UserError: one short message and exit code 2 like every other mistake."""

import argparse
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from dlrun.config import catalogue, own_data
from dlrun.errors import UserError, nearest
from dlrun.limits import Range
from dlrun.sweep import leaderboard
from dlrun.sweep.folder import SweepDir, is_sweep

RUN, CHECKPOINT = "a run's folder, or `last`", ", or a checkpoint such as best.pt"
LARGEST = 2**63  # no number that is typed has to be larger, and none is infinite


class Parser(argparse.ArgumentParser):
    """Options stand anywhere and are written out; numbers such as -1,2 are no options."""

    def __init__(self, *, prog: str, description: str):
        super().__init__(prog, description=description, allow_abbrev=False)
        self._negative_number_matcher = re.compile(r"-[\d.]")

    def parse_args(self, argv: Sequence[str]) -> argparse.Namespace:  # type: ignore[override]
        return self.parse_intermixed_args(argv)

    def error(self, message: str) -> NoReturn:
        usage = " ".join(self.format_usage().removeprefix("usage: ").split())
        raise UserError(f"{self.prog}: {message}. Usage: {usage}")


def verb(name: str, description: str, *, run: bool = True, answers: bool = False, json: bool = False) -> Parser:
    """A verb's parser, with the arguments that many share: RUN and --trust, --json. `answers`: a checkpoint will do."""
    parser = Parser(prog=f"dlrun {name}", description=description)
    if run:
        parser.add_argument("run", metavar="RUN", type=a_run, help=RUN + (CHECKPOINT if answers else ""))
    if run or name == "resume":
        parser.add_argument(
            "--trust", action="append", default=[], metavar="PACKAGE", help="your package that the run uses"
        )
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def a_run(name: str) -> str:
    """An argument's type: what is no sweep."""
    if is_sweep(Path(a_folder(name))):
        sweep = SweepDir.open(Path(name))
        jobs = sweep.jobs()
        best = leaderboard.best_run(sweep, jobs)
        some = [best] if best else [Path(name) / job.name for job in jobs[:3]]
        what = "Type one of its runs; the best is" if best else "Its jobs are runs, such as"
        raise UserError(
            f"{name} is a sweep. {what} {', '.join(map(str, some))}" if jobs else f"{name} is a sweep without a job."
        )
    return name


def saved_override(text: str) -> tuple[str, object]:
    """`optim.lr=1e-3` -> ("optim.lr", 0.001), for a run that is there. UserError for what sets no single value.

    `device=cpu` moves it: that is device.name, and its precision stays.
    """
    from dlrun.config import compose  # Hydra takes 0.3 s, which the other verbs need not wait for

    parsed = compose.parse(text)
    if parsed.is_sweep_override():
        raise UserError(f"{text} has several values; only a new sweep takes them: dlrun -m …")
    if parsed.is_add():
        raise UserError(f"{text}: a run's keys stay what they are. Type KEY=VALUE.")
    key, value = parsed.get_key_element(), parsed.value()
    if key in own_data.PATHS and isinstance(value, str):
        return key, own_data.absolute(value)
    if key != "device":
        return key, value
    if value not in catalogue.choices("device"):
        raise UserError(f"There is no device {value}. {nearest(str(value), catalogue.choices('device'))}")
    return "device.name", value


def a_word(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty")
    return text


def a_folder(name: str) -> str:
    if not name or "\0" in name:
        raise argparse.ArgumentTypeError(f"{name!r} names no folder")
    return name


def add_filter(parser: Parser) -> None:
    """For a verb about many runs: where they are, and which of them."""
    parser.add_argument("folders", nargs="*", type=a_folder, metavar="DIR", help="default: outputs/")
    parser.add_argument(
        "--where",
        nargs="+",
        action="extend",
        type=a_word,
        default=[],
        metavar="CONDITION",
        help="such as status=failed model=lstm,gru optim.lr=0.01 'val/accuracy>0.9'; all must hold",
    )


def check_number(name: str, value: object, low: int | float, high: int | float | None = None) -> None:
    """UserError for an argument in Python that `between` would refuse as an option."""
    kinds = int if isinstance(low, int) else int | float
    if isinstance(value, bool) or not (
        isinstance(value, kinds) and Range(low, high).holds(value) and abs(value) < LARGEST
    ):
        kind = "a whole number" if isinstance(low, int) else "a number"
        raise UserError(f"{name}={value!r}: {kind} {Range(low, high)} is expected.")


def between(low: int | float, high: int | float | None = None) -> Callable[[str], int | float]:
    """An argument's type: a number of `low`'s own kind in this range."""

    def read(text: str) -> int | float:
        value = type(low)(text)
        if not Range(low, high).holds(value):
            raise argparse.ArgumentTypeError(f"{text}: it must be {Range(low, high)}")
        if not abs(value) < LARGEST:
            raise argparse.ArgumentTypeError(f"{text}: such a number is not meant")
        return value

    read.__name__ = "whole number" if isinstance(low, int) else "number"  # argparse: "invalid whole number value"
    return read
