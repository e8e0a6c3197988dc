"""One metric of a run over its steps, read from metrics.jsonl line by line: also of a run that trains. No torch."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import NamedTuple, TypeGuard

from dlrun.errors import UserError, nearest
from dlrun.run.folder import METRICS_LIMIT, RunDir, metrics_line
from dlrun.store import kept
from dlrun.store.kept import Missing

WITHOUT = ("step", "epoch", "time_s")  # what each line says beside its metrics
KEPT = 4096  # points of a curve that is thinned out as it is read
BESIDE = 10  # points on each side of a step


def is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


class Point(NamedTuple):
    step: int
    epoch: int
    time_s: float
    value: float


Slice = Callable[[Iterable[Point]], list[Point]]


class Curve:
    """A metric's points, read once and in order. What it holds afterwards is of the whole of it."""

    def __init__(self, run: RunDir, tag: str):
        self.run, self.tag = run, tag
        self.tags: set[str] = set()  # those that there are, where this one is not
        self.damaged = self.count = 0
        self.lowest: Point | None = None
        self.highest: Point | None = None
        self.last: Point | None = None

    def read(self, chosen: Slice) -> list[Point]:
        """The points that a slice picks. UserError where there is no such metric."""
        found = chosen(self.points())
        if not self.count:
            if not self.tags:
                raise UserError(f"{self.run.path} has no metrics yet.")
            raise UserError(f"{self.run.path} has no metric {self.tag}. {nearest(self.tag, self.tags)}")
        return found

    def points(self) -> Iterator[Point]:
        try:
            with kept.opened(self.run.path, "metrics.jsonl", METRICS_LIMIT) as file:
                for raw in file:
                    if raw.endswith(b"\n") and (point := self.point(raw)):  # the last line may be being written
                        yield point
        except Missing:
            return

    def point(self, raw: bytes) -> Point | None:
        line = metrics_line(raw)
        if line is None:
            self.damaged += 1
            return None
        if not is_number(value := line.get(self.tag)):
            if not self.count:  # for a message
                self.tags |= {tag for tag, other in line.items() if tag not in WITHOUT and is_number(other)}
            return None
        self.count += 1
        self.last = point = Point(line["step"], line["epoch"], line["time_s"], float(value))
        if math.isfinite(value):
            self.lowest = point if self.lowest is None or value < self.lowest.value else self.lowest
            self.highest = point if self.highest is None or value > self.highest.value else self.highest
        return point


# which points


def last(count: int) -> Slice:
    return lambda points: list(deque(points, maxlen=count))


def every(count: int) -> Slice:
    """The first, each `count`-th after it, and the last."""

    def chosen(points: Iterable[Point]) -> list[Point]:
        found, newest = [], None
        for number, point in enumerate(points):
            newest = point if number % count else None
            if newest is None:
                found.append(point)
        return [*found, newest] if newest else found

    return chosen


def around(step: int) -> Slice:
    """The nearest before a step, itself, and the nearest after it."""

    def chosen(points: Iterable[Point]) -> list[Point]:
        before: deque[Point] = deque(maxlen=BESIDE)
        left = iter(points)
        for point in left:
            if point.step >= step:
                after = [point, *islice(left, BESIDE if point.step == step else BESIDE - 1)]
                deque(left, maxlen=0)  # to the end, for what the curve says of the whole
                return [*before, *after]
            before.append(point)
        return list(before)

    return chosen


def spread(count: int) -> Slice:
    """So many over the whole of it, the last one among them."""

    def chosen(points: Iterable[Point]) -> list[Point]:
        found: list[Point] = []
        stride, newest = 1, None
        for number, point in enumerate(points):
            newest = point
            if number % stride == 0:
                found.append(point)
            if len(found) > KEPT:
                found, stride = found[::2], 2 * stride
        if newest and found[-1] is not newest:
            found.append(newest)
        if len(found) <= count:
            return found
        return [found[round(place * (len(found) - 1) / (count - 1))] for place in range(count)]

    return chosen
