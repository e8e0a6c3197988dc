"""What is due when: by passes, by steps, by minutes, and at the end."""

from typing import Any

import pytest

from dlrun.config import catalogue
from dlrun.config.settings import Settings
from dlrun.run.due import Due
from dlrun.run.state import TrainState

NOTHING = {key: None for key in ("eval_every_epochs", "checkpoint_every_epochs", "checkpoint_every_minutes", "epochs")}


def due(**chosen: Any) -> Due:
    """Nothing by itself, but for what is chosen."""
    return Due(Settings(**(catalogue.read("trainer", "default") | NOTHING | chosen)))


def at(step: int, epoch: int = 0, batch: int = 1, **more: Any) -> TrainState:
    return TrainState(step=step, epoch=epoch, batch=batch, **more)


def test_the_end_is_whichever_comes_first() -> None:
    both = due(epochs=2, max_steps=30, patience=3)
    assert not both.end(at(29, epoch=1, stale=2))
    assert both.end(at(20, epoch=2)) and both.end(at(30, epoch=1)) and both.end(at(5, stale=3))
    assert not due(max_steps=5).end(at(4, epoch=99, stale=99))


def test_an_evaluation_is_due_at_its_pace_and_at_the_end_but_once_for_a_step() -> None:
    each = due(eval_every_epochs=2, eval_every_steps=10, max_steps=33)
    found = [step for step in range(1, 34) if each.evaluation(at(step, epoch=step // 8, batch=step % 8))]
    assert found == [10, 16, 20, 30, 32, 33]
    assert not each.evaluation(at(10, evaluated=10)) and not each.evaluation(at(33, evaluated=33))


def test_a_line_is_logged_at_its_pace_and_after_each_pass() -> None:
    each = due(log_every_steps=5, max_steps=99)
    found = [step for step in range(1, 17) if each.log(at(step, epoch=step // 8, batch=step % 8))]
    assert found == [5, 8, 10, 15, 16]
    assert not each.log(at(10, logged=10))  # a resumed run logs no line twice


def test_a_checkpoint_is_due_by_passes_steps_or_minutes() -> None:
    assert due(checkpoint_every_steps=4).checkpoint(at(8), 0.0)
    assert due(checkpoint_every_epochs=1).checkpoint(at(8, epoch=1, batch=0), 0.0)
    assert not due(checkpoint_every_epochs=1).checkpoint(at(8, epoch=1, batch=1), 1e9)
    minutes = due(checkpoint_every_minutes=0.5)
    assert not minutes.checkpoint(at(8), 29.9) and minutes.checkpoint(at(8), 30.0)


@pytest.mark.parametrize(
    ("chosen", "state", "left"),
    [
        ({"epochs": 3}, at(5, epoch=0, batch=5), 20),
        ({"epochs": 3}, at(25, epoch=2, batch=5), 0),
        ({"max_steps": 25}, at(5, batch=5), 15),  # 5 more of this pass, then 15
        ({"max_steps": 7}, at(5, batch=5), 0),
        ({"epochs": 3, "max_steps": 12}, at(5, batch=5), 2),
        ({"max_steps": 10, "accumulate": 2}, at(2, batch=4), 10),
    ],
)
def test_batches_that_follow_this_pass(chosen: dict[str, Any], state: TrainState, left: int) -> None:
    assert due(**chosen).batches_after(state, 10) == left


def test_a_passs_title() -> None:
    assert due(epochs=3).title(at(0)) == "epoch 1/3" and due(max_steps=3).title(at(9, epoch=4)) == "epoch 5"
