"""Which evaluation is the best so far."""

import math

import pytest

from dlrun.run.state import TrainState


@pytest.mark.parametrize(
    ("seen", "mode", "best"),
    [
        ([(0.5, 2.0), (0.7, 1.0), (0.6, 0.5)], "max", 1),
        ([(1.0, 0.9), (1.0, 0.4), (1.0, 0.6)], "max", 1),  # alike in the goal: the lower loss
        ([(1.0, 0.9), (0.9, 0.1)], "max", 0),
        ([(3.0, None), (3.0, None)], "min", 0),  # a task that tells no loss
        ([(3.0, 1.0), (math.nan, 0.0)], "min", 0),
    ],
)
def test_the_best_is_by_the_goal_and_then_by_the_loss(
    seen: list[tuple[float, float | None]], mode: str, best: int
) -> None:
    state = TrainState()
    for step, (value, loss) in enumerate(seen):
        state.step = step
        state.note_best(value, mode, loss)
    assert (state.best_step, state.best, state.stale) == (best, seen[best][0], len(seen) - 1 - best)
