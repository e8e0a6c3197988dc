"""The one loop: it trains any task, and goes on exactly where it stopped.

Everything that decides the next step is in the checkpoint: weights, optimizer, schedule, the task's carry, the random
state and `TrainState`. So a run that was killed and resumed makes the same numbers, bit for bit, on a CPU.
"""

import time
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import asdict
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from dlrun import console
from dlrun.config.settings import Settings
from dlrun.device import Device, rng_state, set_rng_state
from dlrun.errors import Pruned, Stopped, UserError
from dlrun.metric import Mean, PassMean
from dlrun.model.base import Counted
from dlrun.optim.base import judged
from dlrun.run import hparams
from dlrun.run.divergence import Divergence
from dlrun.run.due import Due
from dlrun.run.evaluate import evaluate, goal_split, load_weights
from dlrun.run.folder import RunDir
from dlrun.run.signals import GracefulStop, ShouldPrune
from dlrun.run.state import TrainState
from dlrun.run.summary import Summary
from dlrun.scheduler.base import Schedule
from dlrun.store.decode import record
from dlrun.task.base import Task
from dlrun.terminal.plain import command


class Trainer:
    """Trains a task's model in a run's folder. `state` says where it stands, and moves once an update is made.

    `meaning` is what each checkpoint holds beside the state, so that it answers by itself: config and schema.
    """

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
        summary: Summary,
        meaning: dict[str, object],
        should_prune: ShouldPrune,
        stop: GracefulStop,
    ):
        self.task, self.model, self.optim, self.schedule = task, model, optim, schedule
        self.device, self.run, self.settings = device, run, settings
        self.seed, self.batch_size, self.summary, self.should_prune = seed, batch_size, summary, should_prune
        self.meaning = meaning
        self.parameters = list(model.parameters())  # to walk over the modules costs as much as a small step
        self.state, self.due = TrainState(), Due(settings)
        self.running = PassMean(on_device=device.asynchronous)  # of this pass's steps; its window: since the last line
        self.divergence = Divergence(asynchronous=device.asynchronous)
        self.scaler, self.stop = device.scaler(), stop
        self.mode, self.metric = task.goal.split()
        self.goal_split = goal_split(task)
        self.goal_tag = f"{self.goal_split}/{self.metric}"
        self.started = self.saved_at = time.monotonic()
        self.last_log = (time.monotonic(), 0)  # when, and how many examples had been seen
        self.learns = any(parameter.requires_grad for parameter in self.parameters)
        self.last_means: dict[str, float] = {}  # of this pass, as they were then
        summary.progress = self.progress
        if settings.compile:
            model.compile()

    def fit(self) -> None:
        """Trains until epochs, steps or patience end it, then tests the best. A DlrunError says how else it ended."""
        self.model.train()
        self.count()
        self.record()  # a run that was stopped during an evaluation owes it
        with closing(self.updates()) as updates:
            for batches, count in updates:
                self.update(batches, count)
                self.record()
                if self.due.checkpoint(self.state, time.monotonic() - self.saved_at):
                    self.save("last")
                if self.stop.asked():
                    self.save("last")
                    raise self.stopped()
        self.save("last")
        self.test_the_best()

    def count(self) -> None:
        """A model that counts is shown the whole training part before its first step; without weights that is all."""
        if self.state.step or not isinstance(self.model, Counted):
            return
        self.model.count(self.task.batches("train", self.batch_size, seed=self.seed, epoch=0))
        if not self.learns:
            self.state.step = self.state.epoch = 1

    def updates(self) -> Generator[tuple[list[object], int], None, None]:
        """The batches of each update, from where we stand, and how many the whole pass has."""
        while self.learns and not self.due.end(self.state):
            batches, count = self.epoch_batches()
            if self.state.batch >= count:  # the run goes on with larger batches or fewer of them: this pass is over
                self.state.end_pass()
                continue
            if self.state.batch == 0:
                self.running = PassMean(on_device=self.device.asynchronous)
            after = self.due.batches_after(self.state, count)
            with console.progress(self.due.title(self.state), count, self.state.batch, after) as bar:
                group: list[object] = []
                for number, batch in enumerate(batches, self.state.batch + 1):
                    group.append(batch)
                    if len(group) < self.settings.accumulate and number < count:
                        continue
                    yield group, count
                    group = []
                    bar.advance(number, self.live_means)
                    if self.state.batch == 0 or self.due.end(self.state):
                        break
                bar.end(self.shown_means())

    def epoch_batches(self) -> tuple[Iterable[object], int]:
        """This pass's batches from the next one on, and how many the whole pass has."""
        epoch = 0 if self.settings.overfit_batches else self.state.epoch  # the same few batches in every pass
        batches = self.task.batches("train", self.batch_size, seed=self.seed, epoch=epoch, start=self.state.batch)
        return batches, self.settings.pass_batches(len(batches))

    def update(self, batches: list[object], count: int) -> None:
        """One optimizer step on the mean over all examples of the batches, in a pass that has `count`."""
        ahead = self.state.ahead(len(batches), count)
        if not self.model.training:
            self.model.train()
        for parameter in self.parameters:
            parameter.grad = None
        for batch in batches:
            with self.device.autocast():
                scores = self.task.step(self.model, batch)
            self.divergence.note(ahead.step, self.schedule.lr, scores.loss)
            self.scaler.scale(scores.loss if len(batches) == 1 else scores.loss * scores.n).backward()
            self.running.add(scores)
            ahead.seen += scores.n
        self.scaler.unscale_(self.optim)
        if len(batches) > 1:
            torch._foreach_div_(self.gradients(), ahead.seen - self.state.seen)
        self.measure_and_clip(ahead)
        self.scaler.step(self.optim)
        self.scaler.update()
        self.schedule.after_step()
        if ahead.batch == 0:
            self.schedule.after_epoch()
        self.state = ahead

    def gradients(self) -> list[torch.Tensor]:
        return [parameter.grad for parameter in self.parameters if parameter.grad is not None]

    def measure_and_clip(self, ahead: TrainState) -> None:
        """The norm before clipping; without clipping it is measured only where it is logged, as it reads them all."""
        shown = self.due.log(ahead) or self.due.evaluation(ahead)
        if self.settings.clip is None and not shown:
            return
        norm = nn.utils.get_total_norm(self.gradients())
        if self.settings.clip is not None:
            nn.utils.clip_grads_with_norm_(self.parameters, self.settings.clip, norm)
        if shown:
            ahead.metrics["optim/grad_norm"] = norm.item()

    # evaluation

    def record(self) -> None:
        """Evaluates and logs what is due. When a signal cuts an evaluation short, a resumed run does both again."""
        if self.due.evaluation(self.state):
            self.divergence.check()
            self.evaluate_and_log()
        elif self.due.log(self.state):
            self.divergence.check()
            self.log({})

    def evaluate_and_log(self) -> None:
        if not self.run.has_checkpoint("last"):
            self.save("last")  # best.pt alone would be a run that lost its last one
        state = self.state
        with judged(self.optim):
            if (metrics := self.evaluate(self.goal_split)) is None:
                return
            state.evaluated = state.step
            self.schedule.after_evaluation(metrics[self.goal_tag])
            better = state.note_best(metrics[self.goal_tag], self.mode, metrics.get(f"{self.goal_split}/loss"))
            self.log(metrics)  # before best.pt is written: a run may go on from it, and must not log this again
            if better:
                self.keep_best()
        if self.should_prune(state.epoch, state.step, metrics[self.goal_tag]):
            self.save("last")
            raise Pruned(f"Given up at step {state.step}: other runs do better.")

    def evaluate(self, split: str) -> dict[str, float] | None:
        """Tags and values of one pass; None when a signal cut it short."""
        limit, stopped = self.settings.limit_batches, self.stop.asked
        return evaluate(self.task, self.model, self.device, split, self.batch_size, limit=limit, stopped=stopped)

    def keep_best(self) -> None:
        """Its checkpoint, and a sample of text where the task can write one."""
        self.save("best")
        sample = self.task.shown_sample(self.model, self.seed)
        if sample is not None:
            self.run.log_text("sample", sample[1], self.state.step)

    def test_the_best(self) -> None:
        """Leaves the model with the weights of best.pt and logs their test metrics."""
        if (best := self.run.load_checkpoint("best")) is not None:
            load_weights(self.model, best)
        if "test" in self.task.splits:
            if (metrics := self.evaluate("test")) is None:
                raise self.stopped()
            self.note(metrics)

    # what is kept

    def log(self, evaluated: dict[str, float]) -> None:
        """One line of metrics: means since the last line, and what was evaluated just now."""
        state, (before, seen_before) = self.state, self.last_log
        window = self.train_tags(self.running.window)
        metrics = evaluated | {
            "optim/lr": self.schedule.lr,
            "speed/examples_per_s": (state.seen - seen_before) / max(time.monotonic() - before, 1e-9),
        }
        if "optim/grad_norm" in state.metrics:
            metrics["optim/grad_norm"] = state.metrics["optim/grad_norm"]
        self.running.end_window()
        self.last_means = self.means() if self.device.asynchronous and self.running.n else {}
        state.logged = state.step
        if state.batch == 0 or state.epoch == 0:  # the summary: the last whole pass, or what there is of the first
            state.metrics |= self.train_tags(self.running)
        self.note(metrics, window)
        self.last_log = (time.monotonic(), state.seen)

    def note(self, metrics: dict[str, float], window: dict[str, float] | None = None) -> None:
        state = self.state
        state.metrics |= metrics
        line = (window or {}) | metrics
        beside = hparams.opened_first(line, self.goal_tag, state.best)
        self.run.log(state.step, state.epoch, self.elapsed(), line, beside)

    def train_tags(self, mean: Mean) -> dict[str, float]:
        """Where nothing is held out train/... holds exact values alone, never mixed with means of a moving model."""
        if self.goal_split == "train" or not mean.n:
            return {}
        return {f"train/{name}": value for name, value in self.task.report(mean.means()).items()}

    def save(self, name: str) -> None:
        self.divergence.check()  # no checkpoint is of weights that a bad step has made
        self.run.save_checkpoint(name, self.state_dict(), keep="previous" if name == "last" else None)
        if name == "last":
            self.saved_at = time.monotonic()
            self.summary.write("running")

    def state_dict(self) -> dict[str, object]:
        trainer = asdict(self.state) | {"seconds": self.elapsed(), "running": self.running.state_dict()}
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
            trainer |= {"metrics": trainer.pop("figures")} if "figures" in trainer else {}  # their name in 0.1.0
            self.state = record(trainer, TrainState)
            set_rng_state(state["rng"])
        except Exception as error:  # of another dlrun, or somebody's own: each part complains in its own way
            detail = (str(error).splitlines() or [""])[0]
            raise UserError(f"The checkpoint is not one of this run ({type(error).__name__}: {detail}).") from error
        self.last_log = (time.monotonic(), self.state.seen)

    def stopped(self) -> Stopped:
        assert self.stop.number is not None
        go_on = command("resume", self.run.path)
        return Stopped(f"Stopped at step {self.state.step}. Go on: {go_on}", self.stop.number)

    def elapsed(self) -> float:
        """Seconds of training, those of earlier sessions counted in."""
        return self.state.seconds + time.monotonic() - self.started

    def progress(self) -> dict[str, object]:
        """What the summary says of how far it has come."""
        goal = {"metric": self.goal_tag, "mode": self.mode, "best": self.state.best, "best_step": self.state.best_step}
        return {"goal": goal, **self.state.progress(self.elapsed())}

    # what the terminal shows

    def means(self) -> dict[str, float]:
        return self.task.report(self.running.means())

    def live_means(self) -> dict[str, float]:
        """In the midst of a pass: a device that one would have to wait for shows those of the last line of metrics."""
        return self.last_means if self.device.asynchronous else self.means()

    def shown_means(self) -> dict[str, float]:
        """A pass's end: its means of loss and metric, and what was just evaluated."""
        means = self.means()
        shown = {name: means[name] for name in ("loss", self.metric) if name in means}
        if self.state.evaluated == self.state.step:
            shown[f"{self.goal_split} {self.metric}"] = self.state.metrics[self.goal_tag]
        return shown
