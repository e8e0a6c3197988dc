"""`dlrun curve RUN TAG`: one metric over a run's steps, in slices that a program or a terminal can take. No torch."""

import csv
import io

from dlrun import console
from dlrun.run import curve
from dlrun.run.curve import Curve, Point
from dlrun.run.folder import RunDir
from dlrun.terminal.plain import amount
from dlrun.verbs.parser import RUN, a_run, a_word, between, verb

SHOWN = 20  # rows of the table when nothing else is said, spread over the whole run


def run(argv: list[str]) -> None:
    parser = verb("curve", "One metric over a run's steps; also of a run that trains.", run=False)
    parser.add_argument("run", metavar="RUN", type=a_run, help=RUN)
    parser.add_argument("tag", metavar="TAG", type=a_word, help="such as val/loss")
    slices = parser.add_mutually_exclusive_group()
    slices.add_argument("--last", type=between(1), metavar="N", help="the last N points")
    slices.add_argument(
        "--around", type=between(0), metavar="STEP", help=f"{curve.BESIDE} points on each side of a step"
    )
    slices.add_argument("--every", type=between(1), metavar="N", help="each N-th point, and the last")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--json", action="store_true", help="print JSON; without a slice all points")
    ways.add_argument("--csv", action="store_true", help="print CSV; without a slice all points")
    arguments = parser.parse_args(argv)
    if arguments.last is not None:
        chosen = curve.last(arguments.last)
    elif arguments.around is not None:
        chosen = curve.around(arguments.around)
    elif arguments.every is not None:
        chosen = curve.every(arguments.every)
    else:
        chosen = list if arguments.json or arguments.csv else curve.spread(SHOWN)
    found = Curve(RunDir.open(arguments.run), arguments.tag)
    points = found.read(chosen)
    if found.damaged:
        console.warn(f"{found.run.path}/metrics.jsonl has {amount(found.damaged, 'damaged line')}, left out here")
    if arguments.json:
        console.json_out([point._asdict() for point in points])
    elif arguments.csv:
        show_csv(points)
    else:
        show(found, points)


def show_csv(points: list[Point]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([Point._fields, *points])
    console.out(text.getvalue().rstrip("\n"))


def show(found: Curve, points: list[Point]) -> None:
    rows = [
        [f"{point.step:,}", str(point.epoch), f"{point.time_s:.1f} s", console.number(point.value)] for point in points
    ]
    console.table(f"{found.tag} of {found.run.path}", ["step", "epoch", "time", "value"], rows)
    ends = [
        f"{what} {console.number(point.value)} at step {point.step:,}"
        for what, point in (("lowest", found.lowest), ("highest", found.highest), ("last", found.last))
        if point
    ]
    console.say("; ".join([f"{len(points)} of {amount(found.count, 'point')}", *ends]))
