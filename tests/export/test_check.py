"""The comparison of an exported model with its own: a difference is found, a NaN is never good."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from export.asked import opened
from torch import Tensor, nn

from dlrun.export import check
from dlrun.export import folder as exports
from dlrun.export.check import Found, Question, compared
from dlrun.export.interface import Interface


def questions() -> Iterator[Question]:
    for rows in (1, 4):
        yield Question((torch.arange(rows * 2.0).view(rows, 2),))


NET = Interface(nn.Identity(), {"x": torch.zeros(2, 2)}, {"x": {0: "batch"}}, ("y",))


@pytest.mark.parametrize(
    ("run", "good", "largest"),
    [
        (lambda x: [x], True, 0),
        (lambda x: [x + 1e-5], True, 1e-5),
        (lambda x: [x + 0.01 * (len(x) > 1)], False, 0.01),  # in the last batch alone
        (lambda x: [x * float("nan")], False, torch.inf),
    ],
)
def test_a_difference_is_found(run: Callable[[Tensor], list[Tensor]], good: bool, largest: float) -> None:
    found = compared(NET, run, questions())
    assert found.good == good and found.rows == 5
    assert found.largest == pytest.approx(largest, rel=0.05)
    assert found.allowed == pytest.approx(7 * check.TOLERANCE)  # 7: the largest number that was answered


def test_nan_is_not_good() -> None:
    assert Found(1.0, 1.0, 3).good and not Found(float("nan"), 1.0, 3).good


class Counts(nn.Module):
    """A language model's form: logits, and a state that says how many tokens went before."""

    def forward(self, ids: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return ids + state, state + ids.shape[1]


def test_a_state_goes_on_from_batch_to_batch_until_a_text_begins_anew() -> None:
    shape = {"ids": torch.zeros(2, 3), "state_0": torch.zeros(2, 1)}
    asked = Interface(Counts(), shape, {"ids": {0: "batch"}, "state_0": {0: "batch"}}, ("logits", "new_state_0"))
    seen: list[float] = []

    def run(ids: Tensor, state: Tensor) -> list[Tensor]:
        seen.append(float(state.max()))
        return list(Counts()(ids, state))

    batches = [Question((torch.ones(2, 3),), fresh=number in (0, 2)) for number in range(4)]
    assert compared(asked, run, iter(batches)).good and seen == [0, 3, 0, 3]


def test_another_answer_is_a_failure(made: Callable[[str], Path]) -> None:
    """One weight of the model is another one by now."""
    trained = opened(made("regression"))
    exported = exports.made(trained, "torch")
    assert exports.checked(exported, None, 4).good
    with torch.no_grad():
        next(trained.model.parameters()).add_(0.01)
    found = exports.checked(exported, None, 4)
    assert not found.good and found.largest > found.allowed
