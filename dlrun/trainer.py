"""The one loop: it trains any task, and goes on exactly where it stopped.

Everything that decides the next step is in the checkpoint: weights, optimizer, schedule, the task's carry, the random
state, and `Progress` below. So a run that was killed and resumed makes the same numbers, bit for bit, on a CPU.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from dlrun import console
from dlrun.device import Device, rng_state, set_rng_state
from dlrun.errors import RunFailed, Stopped, UserError
from dlrun.limits import Positive, Rate
from dlrun.metric import Mean
from dlrun.optim.schedule import Schedule
from dlrun.rundir import RunDir
from dlrun.task.base import Task

CHECKPOINT_FORMAT = 1
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """conf/trainer/*.yaml. `step` is one optimizer update; None switches a thing off."""

    epochs: Positive | None
    max_steps: Positive | None
    clip: Rate | None
    accumulate: Positive
    patience: Positive | None
    eval_every_epochs: Positive | None
    eval_every_steps: Positive | None
    checkpoint_every_epochs: Positive | None
    checkpoint_every_steps: Positive | None
    checkpoint_every_minutes: Rate | None
    log_every_steps: Positive
    limit_batches: Positive | None
    overfit_batches: Positive | None
    compile: bool


@dataclass
class Progress:
    """Where training is. `epoch` and `batch` are those of the next step, `step` counts the updates done."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    evaluated: int = 0  # the step of the last evaluation: what is due and not done yet is done first on resume
    logged: int = 0
    best: float | None = None
    best_step: int = 0
    stale: int = 0  # evaluations since the best one
    seconds: float = 0.0  # of earlier sessions
    seen: int = 0  # examples (or tokens, or pairs)
    figures: dict[str, float] = field(default_factory=dict)  # the last value of each tag


class Trainer:
    def __init__(
        self,
        *,
        task: Task,
        model: nn.Module,
        optim: Optimizer,
        schedule: Schedule,
        device: Device,
        run: RunDir,
        settings: Settings,
        seed: int,
        batch_size: int,
        summary: dict[str, Any],
    ):
        self.task, self.model, self.optim, self.schedule = task, model, optim, schedule
        self.device, self.run, self.settings = device, run, settings
        self.seed, self.batch_size, self.summary = seed, batch_size, summary
        self.at = Progress()
        self.running = Mean()  # of the training steps since the last logged one
        self.scaler = device.scaler()
        self.mode, self.metric = task.goal.split()
        self.held_out = "val" in task.splits
        self.stop_signal: int | None = None
        self.started = self.saved_at = self.logged_at = time.monotonic()
        self.seen_at_log = 0
        if settings.compile:
            model.compile()

    # the story

    def fit(self) -> None:
        """Trains until epochs, steps or patience end it, then tests the best. Raises Stopped or RunFailed."""
        with self.watching_signals(), self.keeping_summary():
            self.record()  # a run that was stopped during an evaluation owes it
            with closing(self.updates()) as updates:
                for batches in updates:
                    self.update(batches)
                    self.record()
                    self.checkpoint_if_due()
                    self.stop_if_asked()
            self.save("last")
            self.test_the_best()

    def updates(self) -> Iterator[list[Any]]:
        """The batches of each update, from where we are on; the position already is that after the update."""
        while not self.finished():
            batches, count = self.epoch_batches()
            if self.at.batch >= count:  # the run goes on with larger batches or fewer of them
                self.at.epoch, self.at.batch = self.at.epoch + 1, 0
                continue
            with console.progress(f"epoch {self.at.epoch + 1}{self.of_epochs()}", count, self.at.batch) as bar:
                group: list[Any] = []
                for number, batch in enumerate(batches, self.at.batch + 1):
                    group.append(batch)
                    if len(group) < self.settings.accumulate and number < count:
                        continue
                    self.at.batch = number % count
                    self.at.epoch += number == count
                    yield group
                    group = []
                    bar.advance(number, self.live_figures)
                    if number == count or self.finished():
                        break
                bar.end(self.shown_figures())

    def update(self, batches: list[Any]) -> None:
        """One optimizer step on the mean over all examples of the batches."""
        self.model.train()
        self.optim.zero_grad(set_to_none=True)
        total = 0
        for batch in batches:
            with self.device.autocast():
                scores = self.task.step(self.model, batch)
            self.refuse_non_finite(scores.loss)
            weighted = scores.loss if len(batches) == 1 else scores.loss * scores.n
            self.scaler.scale(weighted).backward()
            self.running.add(scores)
            total += scores.n
        self.at.step += 1
        self.at.seen += total
        self.scaler.unscale_(self.optim)
        if len(batches) > 1:
            for parameter in self.parameters_with_gradients():
                parameter.grad /= total
        self.measure_and_clip()
        self.scaler.step(self.optim)
        self.scaler.update()
        self.schedule.after_step()
        if self.at.batch == 0:
            self.schedule.after_epoch()

    def record(self) -> None:
        """Evaluates and logs what is due. When a signal cuts an evaluation short, a resumed run does it again."""
        if self.evaluation_due():
            figures = self.evaluate_goal()
            if figures is None:
                return
            self.at.evaluated = self.at.step
            self.note_best(figures)
            self.log(figures)
        elif self.at.step > self.at.logged and self.log_due():
            self.log({})

    def test_the_best(self) -> None:
        """Test metrics of the best checkpoint, once, at the end."""
        if "test" in self.task.splits:
            best = self.run.load_checkpoint("best")
            if best is not None:
                self.model.load_state_dict(best["model"])
            figures = self.evaluate("test")
            if figures is None:
                raise self.stopped()
            self.note(figures)
        console.say(f"finished after {self.at.step:,} steps; best {self.goal_tag} {console.number(self.at.best)}")

    # evaluation

    @property
    def goal_tag(self) -> str:
        """The figure that picks best.pt. Without a held-out part it is measured on the training part."""
        return f"{'val' if self.held_out else 'train'}/{self.metric}"

    def evaluation_due(self) -> bool:
        at, settings = self.at, self.settings
        if at.step == at.evaluated:
            return False
        by_epoch = settings.eval_every_epochs and at.batch == 0 and at.epoch % settings.eval_every_epochs == 0
        by_step = settings.eval_every_steps and at.step % settings.eval_every_steps == 0
        return bool(by_epoch or by_step or self.finished())

    def log_due(self) -> bool:
        return self.at.step % self.settings.log_every_steps == 0 or self.at.batch == 0

    def evaluate_goal(self) -> dict[str, float] | None:
        figures = self.evaluate("val" if self.held_out else "train")
        if figures is not None:
            self.schedule.after_evaluation(figures[self.goal_tag])
        return figures

    def evaluate(self, split: str) -> dict[str, float] | None:
        """Tags and values of one pass; None when a signal cut it short."""
        return evaluate(
            self.task,
            self.model,
            self.device,
            split,
            self.batch_size,
            self.seed,
            limit=self.settings.limit_batches,
            stop=lambda: self.stop_signal is not None,
        )

    def note_best(self, figures: dict[str, float]) -> None:
        """Keeps the best value and its checkpoint, and with it a sample of text where the task can write one."""
        value, best = figures[self.goal_tag], self.at.best
        better = best is None or (value < best if self.mode == "min" else value > best)
        self.at.stale = 0 if better else self.at.stale + 1
        if better and math.isfinite(value):
            self.at.best, self.at.best_step = value, self.at.step
            self.save("best")
            if hasattr(self.task, "sample"):
                text = self.task.sample(
                    self.model, self.task.prompt(), length=100, temperature=0.8, top_k=None, seed=self.seed
                )
                self.run.log_text("sample", text, self.at.step)

    # what is due, and where the end is

    def finished(self) -> bool:
        at, settings = self.at, self.settings
        return bool(
            (settings.epochs and at.epoch >= settings.epochs)
            or (settings.max_steps and at.step >= settings.max_steps)
            or (settings.patience and at.stale >= settings.patience)
        )

    def epoch_batches(self) -> tuple[Any, int]:
        """This epoch's batches from the next one on, and how many the whole epoch has."""
        fixed = self.settings.overfit_batches  # the same few batches in every epoch
        limit = fixed or self.settings.limit_batches
        epoch = 0 if fixed else self.at.epoch
        batches = self.task.batches("train", self.batch_size, seed=self.seed, epoch=epoch, start=self.at.batch)
        count = min(len(batches), limit) if limit else len(batches)
        if count == 0:
            raise UserError(
                "The training part has not one batch for this task. Pick another data= or smaller task options."
            )
        return batches, count

    def measure_and_clip(self) -> None:
        """The norm of the gradients before clipping; measured only where it is needed, as it reads every gradient."""
        shown = self.log_due() or self.evaluation_due()
        if self.settings.clip is None and not shown:
            return
        norm = nn.utils.get_total_norm(p.grad for p in self.parameters_with_gradients())
        if self.settings.clip is not None:
            nn.utils.clip_grads_with_norm_(self.parameters_with_gradients(), self.settings.clip, norm)
        if shown:
            self.at.figures["optim/grad_norm"] = norm.item()

    def refuse_non_finite(self, loss: torch.Tensor) -> None:
        value = loss.item()
        if not math.isfinite(value):
            self.summary["status"] = "diverged"
            raise RunFailed(
                f"The loss became {value} at step {self.at.step + 1} (epoch {self.at.epoch + 1}). "
                f"Try a smaller optim.lr (now {self.schedule.lr:g}) or trainer.clip=1."
            )

    def parameters_with_gradients(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.model.parameters() if parameter.grad is not None]

    # what is kept

    def log(self, evaluated: dict[str, float]) -> None:
        """One line of metrics: the running means since the last one, and what was evaluated just now."""
        figures = {}
        if self.held_out:  # otherwise train/... are the exact values of an evaluation, never mixed with running means
            figures = {f"train/{name}": value for name, value in self.task.report(self.running.means()).items()}
        now = time.monotonic()
        speed = (self.at.seen - self.seen_at_log) / max(now - self.logged_at, 1e-9)
        figures |= evaluated | {
            "optim/lr": self.schedule.lr,
            "optim/grad_norm": self.at.figures.get("optim/grad_norm", 0.0),
            "speed/examples_per_s": speed,
        }
        self.running = Mean()
        self.at.logged, self.logged_at, self.seen_at_log = self.at.step, time.monotonic(), self.at.seen
        self.note(figures)

    def note(self, figures: dict[str, float]) -> None:
        self.at.figures |= figures
        self.run.log(self.at.step, self.at.epoch, self.elapsed(), figures)

    def elapsed(self) -> float:
        return self.at.seconds + time.monotonic() - self.started

    def checkpoint_if_due(self) -> None:
        at, settings = self.at, self.settings
        minutes = (time.monotonic() - self.saved_at) / 60
        by_epoch = (
            settings.checkpoint_every_epochs and at.batch == 0 and at.epoch % settings.checkpoint_every_epochs == 0
        )
        by_step = settings.checkpoint_every_steps and at.step % settings.checkpoint_every_steps == 0
        by_time = settings.checkpoint_every_minutes and minutes >= settings.checkpoint_every_minutes
        if by_epoch or by_step or by_time:
            self.save("last")

    def save(self, name: str) -> None:
        self.run.save_checkpoint(name, self.state_dict())
        if name == "last":
            self.saved_at = time.monotonic()
            self.write_summary("running")

    def state_dict(self) -> dict[str, Any]:
        return {
            "format": CHECKPOINT_FORMAT,
            "model": self.model.state_dict(),
            "optim": self.optim.state_dict(),
            "scheduler": self.schedule.state_dict(),
            "task": self.task.state_dict(),
            "trainer": asdict(self.at)
            | {"seconds": self.elapsed(), "running": self.running.state_dict(), "scaler": self.scaler.state_dict()},
            "rng": rng_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to where a checkpoint was made. UserError where it belongs to another model or version."""
        if state.get("format") != CHECKPOINT_FORMAT:
            raise UserError(f"The checkpoint has format {state.get('format')}; this dlrun reads {CHECKPOINT_FORMAT}.")
        load_weights(self.model, state)
        self.optim.load_state_dict(state["optim"])
        self.schedule.load_state_dict(state["scheduler"])
        self.task.load_state_dict(state["task"])
        trainer = dict(state["trainer"])
        self.running.load_state_dict(trainer.pop("running"))
        self.scaler.load_state_dict(trainer.pop("scaler"))
        self.at = Progress(**trainer)
        self.seen_at_log = self.at.seen
        set_rng_state(state["rng"])

    # signals and the summary

    @contextmanager
    def watching_signals(self) -> Iterator[None]:
        """A signal only sets a flag; the checkpoint is written at the end of the step. A second one kills at once."""

        def ask(number: int, frame: object) -> None:
            self.stop_signal = number
            for each in SIGNALS:
                signal.signal(each, earlier[each])
            console.warn("stopping at the end of this step; once more to stop at once")

        earlier = {number: signal.signal(number, ask) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)

    def stop_if_asked(self) -> None:
        if self.stop_signal is not None:
            self.save("last")
            raise self.stopped()

    def stopped(self) -> Stopped:
        assert self.stop_signal is not None
        self.summary["status"] = "interrupted"
        return Stopped(f"Stopped at step {self.at.step}. Go on: dlrun resume {self.run.path}", self.stop_signal)

    @contextmanager
    def keeping_summary(self) -> Iterator[None]:
        """Whatever happens, summary.json says how it ended."""
        self.write_summary("running")
        try:
            yield
        except BaseException as error:
            status = self.summary["status"]
            self.summary["error"] = str(error) or type(error).__name__
            self.write_summary("failed" if status == "running" else status)
            raise
        self.write_summary("completed")

    def write_summary(self, status: str) -> None:
        at = self.at
        self.summary |= {
            "status": status,
            "goal": {"metric": self.goal_tag, "mode": self.mode, "best": at.best, "best_step": at.best_step},
            "metrics": at.figures,
            "epoch": at.epoch,
            "step": at.step,
            "duration_s": round(self.elapsed(), 3),
            "examples_per_s": round(at.seen / max(self.elapsed(), 1e-9), 1),
        }
        self.run.write_summary(self.summary)

    # what the terminal shows

    def of_epochs(self) -> str:
        return f"/{self.settings.epochs}" if self.settings.epochs else ""

    def live_figures(self) -> dict[str, float]:
        return self.task.report(self.running.means()) if self.running.n else {}

    def shown_figures(self) -> dict[str, float]:
        """The epoch's end: loss and the goal's metric, of training and of the held-out part."""
        names = ("train/loss", f"train/{self.metric}", f"val/{self.metric}")
        return {
            name.removeprefix("train/").replace("/", " "): self.at.figures[name]
            for name in names
            if name in self.at.figures
        }


@torch.no_grad()
def evaluate(
    task: Task,
    model: nn.Module,
    device: Device,
    split: str,
    batch_size: int,
    seed: int,
    *,
    limit: int | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, float] | None:
    """One pass over a split -> tags and values, such as {"val/loss": 0.31}; None when `stop()` cut it short."""
    model.eval()
    means = Mean()
    for number, batch in enumerate(task.batches(split, batch_size, seed=seed, epoch=0)):
        if number == limit:
            break
        if stop():
            return None
        with device.autocast():
            means.add(task.step(model, batch))
    return {f"{split}/{name}": value for name, value in task.report(means.means()).items()}


def load_weights(model: nn.Module, state: dict[str, Any]) -> None:
    try:
        model.load_state_dict(state["model"])
    except (RuntimeError, KeyError) as error:
        lines = str(error).splitlines()
        detail = lines[1].strip() if len(lines) > 1 else lines[0]
        raise UserError(
            f"The checkpoint does not fit {type(model).__name__}: {detail} A run's model can't be changed."
        ) from error
