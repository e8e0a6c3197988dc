"""What a run would cost, measured: everything is built as for a run, a few steps are taken, and nothing is kept."""

import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from dlrun import console, memory
from dlrun.config import assemble
from dlrun.config.assemble import RunSpec
from dlrun.config.settings import Settings
from dlrun.errors import DlrunError, RunFailed, UserError
from dlrun.optim.base import judged
from dlrun.run import blame, report, session
from dlrun.run.evaluate import evaluate, rehearse
from dlrun.run.folder import RunDir
from dlrun.run.signals import GracefulStop, never_prune
from dlrun.run.trainer import Trainer
from dlrun.task.base import Task
from dlrun.terminal.plain import number, span

STEPS = 3  # that are taken at least, where the run has as many
ENOUGH, MOST = 0.5, 100  # seconds and steps: short ones are repeated, as two of a millisecond each say little


@dataclass(frozen=True)
class Cost:
    """Seconds and bytes. The first step is told apart: it also makes what all later ones use."""

    device: str
    data: str  # where it is from: upstream, stand-in, generated or own
    parameters: int
    peak_bytes: int  # of a GPU what torch has allocated, else by how much the process has grown
    measured_steps: int  # 0: a model that only counts
    first_step_s: float
    step_s: float
    examples_per_s: float  # or tokens, or pairs, as in the log
    steps_a_pass: int
    steps: int
    count_s: float  # of a model that counts the training part once
    evaluations: int
    first_evaluation_s: float  # what the first batch of all takes longer
    evaluation_s: float  # of one
    test_s: float

    @property
    def pass_s(self) -> float:
        """Training alone."""
        return self.steps_a_pass * self.step_s

    @property
    def total_s(self) -> float:
        """From the first step to the last evaluation. Checkpoints and pictures are not in it."""
        training = self.first_step_s + max(0, self.steps - 1) * self.step_s if self.measured_steps else 0.0
        evaluating = self.first_evaluation_s + self.evaluations * self.evaluation_s + self.test_s
        return self.count_s + training + evaluating

    def values(self) -> dict[str, object]:
        return {**asdict(self), "pass_s": self.pass_s, "total_s": self.total_s}


def measure(spec: RunSpec, *, replaceable: bool) -> Cost:
    """UserError, DataError and Diverged as of a run; what else a run's own code raises becomes RunFailed."""
    try:
        return first_steps(spec, replaceable=replaceable)
    except DlrunError:
        raise
    except Exception as error:
        if lower := blame.out_of_memory(error, spec.config):
            raise UserError(lower) from error
        if place := blame.own_place(error, spec.trusted):
            what = f"{type(error).__name__}: {blame.first_line(error)}"
            raise RunFailed(f"{place}: {what}. Without --dry-run its run.log has the traceback.") from error
        raise


def first_steps(spec: RunSpec, *, replaceable: bool) -> Cost:
    peak = memory.Peak(spec.device.torch)
    spec, parts, engine = session.build(spec, replaceable=replaceable)
    batch_size = spec.config["batch_size"]
    rehearse(parts.task, parts.model, parts.device, batch_size)
    report.caution(spec, parts)
    nowhere = RunDir(Path(str(spec.config["folder"])))  # it is never made: nothing is logged, nothing saved
    trainer = session.make_trainer(
        nowhere, spec, parts, engine, overrides=[], should_prune=never_prune, stop=GracefulStop()
    )
    trainer.model.train()
    began = time.perf_counter()
    trainer.count()
    count_s = time.perf_counter() - began if trainer.state.step or not trainer.learns else 0.0
    took, seen = steps(trainer)
    task, settings = parts.task, spec.settings
    a_pass, planned = assemble.planned_steps(spec, task) if took else (1, 1)
    first_batch_s, batch_s = evaluation_batch(trainer), evaluation_batch(trainer)
    later, examples = (took[1:], seen[1:]) if len(took) > 1 else (took, seen)
    return Cost(
        device=str(parts.device),
        data=str(parts.data_facts["source"]),
        parameters=sum(parameter.numel() for parameter in parts.model.parameters()),
        peak_bytes=peak.bytes(),
        measured_steps=len(took),
        first_step_s=took[0] if took else 0.0,
        step_s=sum(later) / max(len(later), 1),
        examples_per_s=sum(examples) / max(sum(later), 1e-9),
        steps_a_pass=a_pass,
        steps=planned,
        count_s=count_s,
        first_evaluation_s=max(0.0, first_batch_s - batch_s),
        evaluations=evaluations(settings, a_pass, planned),
        evaluation_s=batch_s * evaluated_batches(task, trainer.goal_split, batch_size, settings),
        test_s=batch_s * (evaluated_batches(task, "test", batch_size, settings) if "test" in task.splits else 0),
    )


def steps(trainer: Trainer) -> tuple[list[float], list[int]]:
    """Seconds and examples of each of the first steps, all by the trainer's own: forward, backward, update."""
    took: list[float] = []
    seen: list[int] = []
    with console.relayed(lambda *_: None), closing(trainer.updates()) as updates:  # without its lines about passes
        before, began = trainer.state.seen, time.perf_counter()
        for batches, count in updates:
            trainer.update(batches, count)
            trainer.device.wait()
            took.append(time.perf_counter() - began)
            seen.append(trainer.state.seen - before)
            if len(took) >= STEPS and (sum(took[1:]) >= ENOUGH or len(took) >= MOST):
                break
            before, began = trainer.state.seen, time.perf_counter()
    trainer.divergence.check()
    return took, seen


def evaluation_batch(trainer: Trainer) -> float:
    """Seconds of one batch of what is evaluated, the same one each time."""
    began = time.perf_counter()
    with judged(trainer.optim):
        evaluate(trainer.task, trainer.model, trainer.device, trainer.goal_split, trainer.batch_size, limit=1)
    trainer.device.wait()
    return time.perf_counter() - began


def evaluated_batches(task: Task, split: str, batch_size: int, settings: Settings) -> int:
    there = len(task.batches(split, batch_size, seed=0, epoch=0))
    return min(there, settings.limit_batches or there)


def evaluations(settings: Settings, steps_a_pass: int, steps: int) -> int:
    """How often a run evaluates: at its own pace, and once at its end."""
    every = settings.eval_every_epochs and settings.eval_every_epochs * steps_a_pass
    due = {at for each in (every, settings.eval_every_steps) if each for at in range(each, steps + 1, each)}
    return len(due | {steps})


# for a person


def rows(cost: Cost) -> list[list[str]]:
    """What a table says of a run's cost."""
    grown = "on the GPU" if cost.device.startswith("cuda") else "beyond what Python and torch take"
    table = [
        ["parameters", f"{cost.parameters:,}"],
        ["memory at its peak", f"{size(cost.peak_bytes)} {grown}"],
    ]
    if cost.measured_steps:
        passes = f": {cost.steps / cost.steps_a_pass:.4g} passes of {cost.steps_a_pass:,}"
        passes = ": one pass" if cost.steps == cost.steps_a_pass else passes
        mean = f", the mean of {cost.measured_steps - 1} after the first" if cost.measured_steps > 1 else ""
        table += [
            ["steps", f"{cost.steps:,}{passes}"],
            ["a step", f"{span(cost.step_s)}{mean} ({span(cost.first_step_s)})"],
            ["speed", f"{number(cost.examples_per_s)} examples/s"],
            ["a pass", span(cost.pass_s)],
        ]
    if cost.count_s:
        table += [["counting once", span(cost.count_s)]]
    table += [
        ["evaluation", f"{cost.evaluations} × {span(cost.evaluation_s)}"],
        *([["test", span(cost.test_s)]] if cost.test_s else []),
        ["in all", f"{span(cost.total_s)}, an estimate"],
    ]
    return table


def show(spec: RunSpec, cost: Cost) -> None:
    chosen = spec.config["choices"]
    title = f"dry run: {chosen['model']} on {chosen['data']} with {chosen['optim']}, {cost.device}"
    console.table(title, ["what", "it takes"], rows(cost))
    console.say("nothing was kept; checkpoints and pictures are not in the estimate, patience may shorten it")


def size(count: int) -> str:
    return f"{count / 1e9:.3g} GB" if count >= 1e9 else f"{count / 1e6:.3g} MB"
