"""The one loop: it trains any task, and goes on exactly where it stopped.

Everything that decides the next step is in the checkpoint: weights, optimizer, schedule, the task's carry, the random
state and `Progress`. So a run that was killed and resumed makes the same numbers, bit for bit, on a CPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import asdict
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from dlrun import console, hparams
from dlrun.decode import record
from dlrun.device import Device, rng_state, set_rng_state
from dlrun.errors import DlrunError, Pruned, RunFailed, Stopped, UserError
from dlrun.evaluate import evaluate, load_weights
from dlrun.metric import Mean, PassMean
from dlrun.model.base import Counted
from dlrun.optim.schedule import Schedule
from dlrun.pace import Pace, Progress, Settings
from dlrun.plain import command
from dlrun.rundir import RunDir
from dlrun.signals import StopWish, Watch
from dlrun.task.base import Task


class Trainer:
    """Trains a task's model in a run's folder. `summary` is what summary.json says beside what the trainer knows,
    `meaning` what each checkpoint holds beside the state, so that it answers by itself: config and schema."""

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
        meaning: dict[str, Any],
        watch: Watch,
        stop: StopWish,
    ):
        self.task, self.model, self.optim, self.schedule = task, model, optim, schedule
        self.device, self.run, self.settings = device, run, settings
        self.seed, self.batch_size, self.summary, self.watch = seed, batch_size, summary, watch
        self.meaning = meaning
        self.parameters = list(model.parameters())  # walking over the modules at each step would cost more than a step
        self.pace = Pace(settings)
        self.running = PassMean()  # of the training steps of this pass; its window: those since the last logged one
        self.scaler, self.stop = device.scaler(), stop
        self.mode, self.metric = task.goal.split()
        self.goal_split = "val" if "val" in task.splits else "train"  # without a held-out part: the training part
        self.goal_tag = f"{self.goal_split}/{self.metric}"
        self.last_log = (time.monotonic(), 0)  # when, and how many examples had been seen
        self.learns = any(parameter.requires_grad for parameter in self.parameters)
        if settings.compile:
            model.compile()

    @property
    def at(self) -> Progress:
        return self.pace.at

    def fit(self) -> None:
        """Trains until epochs, steps or patience end it, then tests the best. Raises Stopped or RunFailed."""
        with self.keeping_summary():
            self.count()
            self.record()  # a run that was stopped during an evaluation owes it
            with closing(self.updates()) as updates:
                for batches in updates:
                    self.update(batches)
                    self.record()
                    if self.pace.checkpoint_due():
                        self.save("last")
                    self.stop_if_asked()
            self.save("last")
            self.test_the_best()

    def count(self) -> None:
        """A model that counts is shown the whole training part before its first step; without weights that is all."""
        if self.at.step or not isinstance(self.model, Counted):
            return
        self.model.count(self.task.batches("train", self.batch_size, seed=self.seed, epoch=0))
        if not self.learns:
            self.at.step = self.at.epoch = 1

    def updates(self) -> Generator[list[Any], None, None]:
        """The batches of each update, from where we stand; `at` already says where we stand after it."""
        while self.learns and not self.pace.finished():
            batches, count = self.epoch_batches()
            if self.at.batch >= count:  # the run goes on with larger batches or fewer of them: this pass is over
                self.pace.move(count, count)
                continue
            if self.at.batch == 0:
                self.running = PassMean()
            with console.progress(self.pace.title(), count, self.at.batch, self.pace.batches_after(count)) as bar:
                group: list[Any] = []
                for number, batch in enumerate(batches, self.at.batch + 1):
                    group.append(batch)
                    if len(group) == self.settings.accumulate or number == count:
                        self.pace.move(number, count)
                        yield group
                        group = []
                        bar.advance(number, self.live_figures)
                    if number == count or self.pace.finished():
                        break
                bar.end(self.shown_figures())

    def epoch_batches(self) -> tuple[Any, int]:
        """This pass's batches from the next one on, and how many the whole pass has."""
        fixed = self.settings.overfit_batches  # the same few batches in every pass
        epoch = 0 if fixed else self.at.epoch
        batches = self.task.batches("train", self.batch_size, seed=self.seed, epoch=epoch, start=self.at.batch)
        count = min(len(batches), fixed or self.settings.limit_batches or len(batches))
        if count == 0:
            raise UserError("The training part is too small for one batch of this task. Pick another data=.")
        return batches, count

    def update(self, batches: list[Any]) -> None:
        """One optimizer step on the mean over all examples of the batches."""
        if not self.model.training:
            self.model.train()
        for parameter in self.parameters:
            parameter.grad = None
        total = 0
        for batch in batches:
            with self.device.autocast():
                scores = self.task.step(self.model, batch)
            self.refuse_non_finite(scores.loss)
            self.scaler.scale(scores.loss if len(batches) == 1 else scores.loss * scores.n).backward()
            self.running.add(scores)
            total += scores.n
        self.at.step += 1
        self.at.seen += total
        self.scaler.unscale_(self.optim)
        if len(batches) > 1:
            torch._foreach_div_(self.gradients(), total)
        self.measure_and_clip()
        self.scaler.step(self.optim)
        self.scaler.update()
        self.schedule.after_step()
        if self.at.batch == 0:
            self.schedule.after_epoch()

    def refuse_non_finite(self, loss: torch.Tensor) -> None:
        if not math.isfinite(value := loss.item()):
            self.summary["status"] = "diverged"
            remedy = f"Try a smaller optim.lr (now {self.schedule.lr:g}) or trainer.clip=1."
            raise RunFailed(f"The loss became {value} at step {self.at.step + 1}. {remedy}")

    def gradients(self) -> list[torch.Tensor]:
        return [parameter.grad for parameter in self.parameters if parameter.grad is not None]

    def measure_and_clip(self) -> None:
        """The norm before clipping; without clipping it is measured only where it is logged, as it reads them all."""
        shown = self.pace.log_due() or self.pace.evaluation_due()
        if self.settings.clip is None and not shown:
            return
        norm = nn.utils.get_total_norm(self.gradients())
        if self.settings.clip is not None:
            nn.utils.clip_grads_with_norm_(self.parameters, self.settings.clip, norm)
        if shown:
            self.at.figures["optim/grad_norm"] = norm.item()

    # evaluation

    def record(self) -> None:
        """Evaluates and logs what is due. When a signal cuts an evaluation short, a resumed run does both again."""
        if self.pace.evaluation_due():
            if not self.run.has_checkpoint("last"):
                self.save("last")  # best.pt alone would be a run that lost its last one
            with getattr(self.optim, "averaged", nullcontext)():  # an optimizer may answer for other weights: asgd
                figures = self.evaluate(self.goal_split)
                if figures is None:
                    return
                self.at.evaluated = self.at.step
                self.schedule.after_evaluation(figures[self.goal_tag])
                better = self.pace.note_best(figures[self.goal_tag], self.mode)
                self.log(figures)  # before best.pt is written: a run may go on from it, and must not log this again
                if better:
                    self.keep_best()
            if self.watch(self.at.epoch, self.at.step, figures[self.goal_tag]):
                self.save("last")
                self.summary["status"] = "pruned"
                raise Pruned(f"Given up at step {self.at.step}: other runs do better.")
        elif self.pace.log_due():
            self.log({})

    def evaluate(self, split: str) -> dict[str, float] | None:
        """Tags and values of one pass; None when a signal cut it short."""
        return evaluate(
            self.task,
            self.model,
            self.device,
            split,
            self.batch_size,
            limit=self.settings.limit_batches,
            stopped=lambda: self.stop.number is not None,
        )

    def keep_best(self) -> None:
        """Its checkpoint, and a sample of text where the task can write one."""
        self.save("best")
        sample = self.task.shown_sample(self.model, self.seed)
        if sample is not None:
            self.run.log_text("sample", sample[1], self.at.step)

    def test_the_best(self) -> None:
        """Leaves the model with the weights of best.pt and logs their test metrics."""
        best = self.run.load_checkpoint("best")
        if best is not None:
            load_weights(self.model, best)
        if "test" in self.task.splits:
            figures = self.evaluate("test")
            if figures is None:
                raise self.stopped()
            self.note(figures)

    # what is kept

    def log(self, evaluated: dict[str, float]) -> None:
        """One line of metrics: means since the last line, and what was evaluated just now."""
        now, seen = time.monotonic(), self.at.seen
        before, seen_before = self.last_log
        window = self.train_tags(self.running.window)
        figures = evaluated | {
            "optim/lr": self.schedule.lr,
            "speed/examples_per_s": (seen - seen_before) / max(now - before, 1e-9),
        }
        if "optim/grad_norm" in self.at.figures:
            figures["optim/grad_norm"] = self.at.figures["optim/grad_norm"]
        self.running.end_window()
        self.at.logged = self.at.step
        if self.at.batch == 0 or self.at.epoch == 0:  # the summary: the last whole pass, or what there is of the first
            self.at.figures |= self.train_tags(self.running)
        self.note(figures, window)
        self.last_log = (time.monotonic(), seen)

    def note(self, figures: dict[str, float], window: dict[str, float] | None = None) -> None:
        self.at.figures |= figures
        line = (window or {}) | figures
        beside = hparams.opened_first(line, self.goal_tag, self.at.best)
        self.run.log(self.at.step, self.at.epoch, self.pace.elapsed(), line, beside)

    def train_tags(self, mean: Mean) -> dict[str, float]:
        """Where nothing is held out train/... holds exact values alone, never mixed with means of a moving model."""
        if self.goal_split == "train" or not mean.n:
            return {}
        return {f"train/{name}": value for name, value in self.task.report(mean.means()).items()}

    def save(self, name: str) -> None:
        self.run.save_checkpoint(name, self.state_dict(), keep="previous" if name == "last" else None)
        if name == "last":
            self.pace.saved_at = time.monotonic()
            self.write_summary("running")

    def state_dict(self) -> dict[str, Any]:
        trainer = asdict(self.at) | {"seconds": self.pace.elapsed(), "running": self.running.state_dict()}
        return {
            "model": self.model.state_dict(),
            "optim": self.optim.state_dict(),
            "scheduler": self.schedule.state_dict(),
            "task": self.task.state_dict(),
            "trainer": trainer | {"scaler": self.scaler.state_dict()},
            "rng": rng_state(),
            **self.meaning,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes back to where a checkpoint was made. UserError where it belongs to another model."""
        load_weights(self.model, state)
        try:
            self.optim.load_state_dict(state["optim"])
            self.schedule.load_state_dict(state["scheduler"])
            self.task.load_state_dict(state["task"])
            trainer = dict(state["trainer"])
            self.running.load_state_dict(trainer.pop("running"))
            self.scaler.load_state_dict(trainer.pop("scaler"))
            self.pace.at = record(trainer, Progress)
            set_rng_state(state["rng"])
        except Exception as error:  # of another dlrun, or somebody's own: each part complains in its own way
            detail = (str(error).splitlines() or [""])[0]
            raise UserError(f"The checkpoint is not one of this run ({type(error).__name__}: {detail}).") from error
        self.last_log = (time.monotonic(), self.at.seen)

    # how it ends

    def stop_if_asked(self) -> None:
        if self.stop.number is not None:
            self.save("last")
            raise self.stopped()

    def stopped(self) -> Stopped:
        assert self.stop.number is not None
        self.summary["status"] = "interrupted"
        return Stopped(f"Stopped at step {self.at.step}. Go on: {command('resume', self.run.path)}", self.stop.number)

    @contextmanager
    def keeping_summary(self) -> Iterator[None]:
        """Whatever happens, summary.json says how it ended."""
        self.write_summary("running")
        try:
            yield
        except BaseException as error:
            status = self.summary["status"]
            self.summary["error"] = str(error) if isinstance(error, DlrunError) else f"{type(error).__name__}: {error}"
            ended = "interrupted" if isinstance(error, Stopped) or self.stop.at_once else "failed"
            with suppress(OSError):  # of a full disk: what ended the run is to be told, not this
                self.write_summary(ended if status == "running" else status)
            raise
        self.write_summary("completed")

    def write_summary(self, status: str) -> None:
        at, seconds = self.at, self.pace.elapsed()
        self.summary |= {
            "status": status,
            "goal": {"metric": self.goal_tag, "mode": self.mode, "best": at.best, "best_step": at.best_step},
            "metrics": at.figures,
            "epoch": at.epoch,
            "step": at.step,
            "duration_s": round(seconds, 3),
            "examples_per_s": round(at.seen / max(seconds, 1e-9), 1),
        }
        self.run.write_summary(self.summary)

    # what the terminal shows

    def live_figures(self) -> dict[str, float]:
        return self.task.report(self.running.means())

    def shown_figures(self) -> dict[str, float]:
        """A pass's end: its means of loss and metric, and what was just evaluated."""
        means = self.live_figures()
        figures = {name: means[name] for name in ("loss", self.metric) if name in means}
        if self.at.evaluated == self.at.step:
            figures[f"{self.goal_split} {self.metric}"] = self.at.figures[self.goal_tag]
        return figures
