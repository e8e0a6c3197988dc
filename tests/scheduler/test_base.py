"""Schedules: their shape, their warm-up, and that a saved one goes on as if nothing had happened."""

import io
from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from torch.optim import SGD, Adam, Optimizer, lr_scheduler

from dlrun.errors import UserError
from dlrun.scheduler.base import Schedule

TOTAL, PASS = 12, 4  # steps of the run, steps of a pass
LR = 0.1
KINDS = ("constant", "step", "cosine", "linear", "plateau", "onecycle")
VALUES = [5.0, 4.0, 4.0, 4.0, 4.0, 3.0, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5]  # what the evaluations would find


def make(kind: str, *, total: int = TOTAL, warmup: int = 0, optim: Optimizer | None = None) -> Schedule:
    optim = optim or SGD([torch.nn.Parameter(torch.ones(2))], lr=LR)
    choices: dict[str, Callable[[], tuple[lr_scheduler.LRScheduler, Literal["step", "epoch", "evaluation"]]]] = {
        "constant": lambda: (lr_scheduler.ConstantLR(optim, factor=1.0, total_iters=total), "step"),
        "step": lambda: (lr_scheduler.StepLR(optim, step_size=2, gamma=0.1), "epoch"),
        "exponential": lambda: (lr_scheduler.ExponentialLR(optim, gamma=0.9), "step"),  # has no length
        "cosine": lambda: (lr_scheduler.CosineAnnealingLR(optim, T_max=total, eta_min=0.0), "step"),
        "linear": lambda: (lr_scheduler.LinearLR(optim, 1.0, end_factor=0.0, total_iters=total), "step"),
        "plateau": lambda: (lr_scheduler.ReduceLROnPlateau(optim, factor=0.5, patience=1), "evaluation"),
        "onecycle": lambda: (
            lr_scheduler.OneCycleLR(optim, max_lr=LR, total_steps=total, cycle_momentum=False),
            "step",
        ),
    }
    inner, every = choices[kind]()
    return Schedule(optim, inner, every=every, warmup=warmup, total=total)


def train(schedule: Schedule, steps: int, *, start: int = 0) -> list[float]:
    """The lr of each step."""
    lrs = []
    for step in range(start, start + steps):
        lrs.append(schedule.lr)
        schedule.optim.step()
        schedule.after_step()
        if (step + 1) % PASS == 0:
            schedule.after_epoch()
        schedule.after_evaluation(VALUES[step % len(VALUES)])
    return lrs


def saved(*parts: Any) -> Any:
    """Their states, through a file that is read as checkpoints are: without trust."""
    file = io.BytesIO()
    torch.save([part.state_dict() for part in parts], file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def go_on(kind: str, before: Schedule, *, total: int = TOTAL, warmup: int = 0) -> Schedule:
    """A new schedule and optimizer with the states of the old ones, as in another process."""
    optim_state, schedule_state = saved(before.optim, before)
    after = make(kind, total=total, warmup=warmup)
    after.optim.load_state_dict(optim_state)
    after.load_state_dict(schedule_state)
    return after


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("constant", {0: 0.1, 11: 0.1}),
        ("step", {0: 0.1, 7: 0.1, 8: 0.01, 11: 0.01}),  # two passes of four steps
        ("cosine", {0: 0.1, 3: 0.0853553, 6: 0.05, 9: 0.0146447}),
        ("linear", {0: 0.1, 3: 0.075, 6: 0.05, 11: 0.1 / 12}),
        ("plateau", {0: 0.1, 3: 0.1, 4: 0.05, 7: 0.05, 9: 0.025}),
        ("onecycle", {0: 0.004, 11: 4e-7}),
    ],
)
def test_shape(kind: str, expected: dict[int, float]) -> None:
    lrs = train(make(kind), TOTAL)
    assert {step: lrs[step] for step in expected} == pytest.approx(expected, rel=1e-5)


def test_onecycle_rises_to_the_peak_and_falls() -> None:
    lrs = train(make("onecycle", total=100), 100)
    peak = lrs.index(max(lrs))
    assert max(lrs) == pytest.approx(LR)
    assert peak == 29
    assert lrs[: peak + 1] == sorted(lrs[: peak + 1]) and lrs[peak:] == sorted(lrs[peak:], reverse=True)


@pytest.mark.parametrize("kind", KINDS)
def test_warmup_scales_the_first_steps_alone(kind: str) -> None:
    plain, warm = train(make(kind), TOTAL), train(make(kind, warmup=5), TOTAL)
    assert warm[:5] == pytest.approx([lr * k / 5 for k, lr in enumerate(plain[:5], 1)])
    assert warm[5:] == plain[5:]


@pytest.mark.slow
@pytest.mark.parametrize("warmup", [0, 5])
@pytest.mark.parametrize("kind", KINDS)
def test_saved_at_any_step_twice_over(kind: str, warmup: int) -> None:
    whole = train(make(kind, warmup=warmup), TOTAL)
    for first in range(TOTAL):
        for second in range(first, TOTAL):
            schedule = make(kind, warmup=warmup)
            lrs = train(schedule, first)
            schedule = go_on(kind, schedule, warmup=warmup)
            lrs += train(schedule, second - first, start=first)
            schedule = go_on(kind, schedule, warmup=warmup)
            lrs += train(schedule, TOTAL - second, start=second)
            assert lrs == whole, f"saved after {first} and {second} steps"


@pytest.mark.parametrize("warmup", [0, 5])
@pytest.mark.parametrize("kind", [*KINDS, "exponential"])
@pytest.mark.parametrize("first", [3, TOTAL])
def test_longer_run_goes_on_as_if_it_had_always_been_long(kind: str, first: int, warmup: int) -> None:
    long = train(make(kind, total=2 * TOTAL, warmup=warmup), 2 * TOTAL)
    short = make(kind, warmup=warmup)
    train(short, first)
    longer = go_on(kind, short, total=2 * TOTAL, warmup=warmup)
    assert train(longer, 2 * TOTAL - first, start=first) == long[first:]


@pytest.mark.parametrize("kind", ["constant", "cosine", "linear", "onecycle"])
def test_stands_still_past_its_end(kind: str) -> None:
    schedule = make(kind)
    last = train(schedule, TOTAL)[-1]
    assert last > 0
    assert train(schedule, 5, start=TOTAL) == [last] * 5


@pytest.mark.parametrize("kind", KINDS)
def test_lr_is_a_number_in_every_group(kind: str) -> None:
    weights = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    schedule = make(kind, warmup=3, optim=Adam([{"params": weights[:1]}, {"params": weights[1:]}], lr=LR))
    train(schedule, 3)
    assert [type(group["lr"]) for group in schedule.optim.param_groups] == [float, float]
    assert schedule.optim.param_groups[0]["lr"] == schedule.optim.param_groups[1]["lr"] == schedule.lr


def test_plateau_without_an_evaluation_is_a_users_mistake() -> None:
    optim = SGD([torch.nn.Parameter(torch.ones(2))], lr=LR)
    with pytest.raises(UserError) as caught:
        Schedule(optim, lr_scheduler.ReduceLROnPlateau(optim), every="step", warmup=0, total=3)
    assert str(caught.value) == "scheduler.every=step: a plateau looks at a metric. Type scheduler.every=evaluation"


def test_every_evaluation_for_a_schedule_that_looks_at_no_metric() -> None:
    optim = SGD([torch.nn.Parameter(torch.ones(2))], lr=1.0)
    schedule = Schedule(optim, lr_scheduler.StepLR(optim, 1, gamma=0.5), every="evaluation", warmup=0, total=9)
    optim.step()
    schedule.after_step()
    assert schedule.lr == 1.0
    schedule.after_evaluation(123.4)
    assert schedule.lr == 0.5
