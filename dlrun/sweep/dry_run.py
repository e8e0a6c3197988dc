"""What a sweep would cost: a job of each kind takes a few steps, alone on the machine, in a process such as it gets.

Jobs that differ in nothing but seeds and the values of rates share one measurement. Nothing is kept.
"""

import heapq
import multiprocessing
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

from dlrun import console
from dlrun.config.compose import Command, Composed
from dlrun.config.typed import names_data
from dlrun.errors import DlrunError, RunFailed
from dlrun.run.dry_run import Cost, size
from dlrun.run.signals import SIGNALS
from dlrun.sweep import jobs
from dlrun.sweep.launcher import Slot
from dlrun.sweep.pool import how_it_died, warm_up
from dlrun.terminal.plain import amount, span

UNLIKE = ("seed", "folder")  # keys that say nothing about what a job costs
RATES = ("model", "init", "optim", "scheduler", "trainer")  # groups in which a number with a point is a rate
SHOWN = 20  # rows of the table


class Kind(NamedTuple):
    """Jobs that cost the same: their numbers, the overrides of the first, and what that took or why it can't run."""

    jobs: list[int]
    overrides: list[str]
    cost: Cost | None
    error: str | None


class Estimate(NamedTuple):
    """Of a whole sweep. `total_s`: with `workers` at once; `work_s`: one after the other."""

    kinds: list[Kind]
    jobs: int
    searched: bool
    workers: int
    work_s: float
    total_s: float

    def values(self) -> dict[str, object]:
        kinds = [
            {
                "jobs": kind.jobs,
                "overrides": kind.overrides,
                "error": kind.error,
                **(kind.cost.values() if kind.cost else {}),
            }
            for kind in self.kinds
        ]
        return {**self._asdict(), "kinds": kinds}


def estimate(command: Command) -> Estimate:
    """UserError where the sweep or one of its jobs can't be composed. A job that fails is told in its Kind."""
    request, sweeper = jobs.read(command, lambda config: None, into=None, begun=lambda sweep: None)
    composed, times = sweeper.examples(request)
    local = request.external is None and request.workers.get("_target_") == jobs.LOCAL
    count = len(composed) * times
    slots = request.launcher.slots(count if local else 1)
    groups: dict[str, list[int]] = {}
    for number, each in enumerate(composed):
        groups.setdefault(kind_of(each.config), []).append(number)
    warm_up()
    kinds = []
    for at, numbers in enumerate(groups.values(), 1):
        first = composed[numbers[0]]
        console.say(f"measuring {at} of {len(groups)}: {' '.join(first.overrides)}")
        cost, error = in_a_process(first, slots[0], request.trusted)
        kinds.append(Kind(numbers, first.overrides, cost, error))
    took = [kind.cost.total_s for kind in kinds if kind.cost for _ in range(len(kind.jobs) * times)]
    return Estimate(kinds, count, times > 1, len(slots), sum(took), last_end(took, len(slots)))


def kind_of(config: dict[str, object]) -> str:
    """The same text for jobs that cost the same: of a learning rate or a dropout only whether it is 0."""
    kept: dict[str, object] = {}
    for key, value in config.items():
        if key in RATES and isinstance(value, dict):
            kept[key] = {name: rate(each) for name, each in value.items()}
        elif key not in UNLIKE:
            kept[key] = value
    return repr(kept)


def rate(value: object) -> object:
    if isinstance(value, list):
        return list(map(rate, value))
    return f"{value != 0}" if isinstance(value, float) else value


def last_end(took: Sequence[float], workers: int) -> float:
    """Seconds until the last of these jobs ends, each begun in its turn by the first worker that is free."""
    free = [0.0] * workers
    for seconds in took:
        heapq.heappush(free, heapq.heappop(free) + seconds)
    return max(free)


# a process of its own: memory and threads of one job must not be seen in the next one's figures


def in_a_process(job: Composed, slot: Slot, trusted: tuple[str, ...]) -> tuple[Cost | None, str | None]:
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    process = context.Process(target=begin, args=(job, slot, trusted, dict(os.environ), theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        while True:
            kind, *values = ours.recv()
            if kind == "measured":
                return values[0], values[1]
            if kind == "warned":
                console.warn(values[0])
    except EOFError:
        process.join()
        return None, how_it_died(process.exitcode)
    finally:
        ours.close()
        process.join()


def begin(
    job: Composed, slot: Slot, trusted: tuple[str, ...], environment: dict[str, str], connection: Connection
) -> None:
    """In the new process, whose environment is that of the moment when the server was started."""
    os.environ.clear()
    os.environ.update(environment)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)  # there is nothing to save
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    if slot.gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(slot.gpu)  # before CUDA starts in this process

    import torch

    from dlrun.config import assemble
    from dlrun.run import dry_run

    torch.set_num_threads(slot.threads)
    cost, error = None, None
    with console.relayed(lambda *message: connection.send(message) if message[0] == "warned" else None):
        try:
            spec = assemble.check(job.config, trusted)
            cost = dry_run.measure(spec, replaceable=not names_data(job.overrides))
        except DlrunError as end:
            error = str(end)
        except Exception as bug:
            error = f"{type(bug).__name__}: {bug}".splitlines()[0]
    with suppress(OSError):  # nobody wants to know any more
        connection.send(("measured", cost, error))


# for a person


def show(found: Estimate) -> None:
    """A row a kind of job and the sum; RunFailed where one can't run."""
    common = set.intersection(*(set(kind.overrides) for kind in found.kinds)) if len(found.kinds) > 1 else set()
    columns = ["jobs", "overrides", "parameters", "memory", "a step", "steps", "in all"]
    cells = [row(kind, common, found) for kind in found.kinds]
    console.table("dry run", columns, cells[:SHOWN], need=["overrides", "in all", "jobs", "memory", "a step"])
    if len(cells) > SHOWN:
        console.say(f"{amount(len(cells) - SHOWN, 'more kind of jobs', 'more kinds of jobs')}; --json has all")
    at_once = f", {found.workers} at once" if found.workers > 1 else ", one after the other"
    console.out(
        f"{amount(found.jobs, 'job')}{at_once}: {span(found.total_s)}, an estimate ({span(found.work_s)} of work)"
    )
    console.say("each kind was measured by its first job, alone on the machine; nothing was kept")
    if found.searched:
        console.say("a search draws its values: all of its runs are taken to cost what the first values do")
    raise_failures(found)


def row(kind: Kind, common: set[str], found: Estimate) -> list[str]:
    count = found.jobs if found.searched else len(kind.jobs)
    which = f"job {kind.jobs[0]}" if count == 1 else f"{count} like job {kind.jobs[0]}"
    typed = " ".join(each for each in kind.overrides if each not in common)
    if (cost := kind.cost) is None:
        return [which, typed, "", "", "", "", f"fails: {kind.error}"]
    steps = f"{cost.steps:,}" if cost.measured_steps else "0"
    total = span(cost.total_s)
    return [which, typed, f"{cost.parameters:,}", size(cost.peak_bytes), span(cost.step_s), steps, total]


def raise_failures(found: Estimate) -> None:
    if bad := [kind for kind in found.kinds if kind.error]:
        count = sum(len(kind.jobs) for kind in bad)
        raise RunFailed(
            f"{count} of {amount(found.jobs, 'job')} would fail; the first, job {bad[0].jobs[0]}: {bad[0].error}"
        )
