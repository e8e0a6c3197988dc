"""Metrics and their means."""

import pytest
import torch

from dlrun.metric import Mean, PassMean, accuracy, squared_error
from dlrun.task.base import StepOutput


def test_accuracy() -> None:
    logits = torch.tensor([[0.1, 0.9], [2.0, -1.0], [0.0, 1.0]])
    assert accuracy(logits, torch.tensor([1, 1, 0])).tolist() == [1.0, 0.0, 0.0]


def test_squared_error() -> None:
    prediction, y = torch.tensor([[1.0, 2.0], [0.0, 0.0]]), torch.tensor([[0.0, 4.0], [0.0, 0.0]])
    assert squared_error(prediction, y).tolist() == [2.5, 0.0]


def test_mean_weighs_by_examples_and_takes_values_or_their_sum() -> None:
    means = Mean()
    means.add(StepOutput(torch.tensor(1.0), {"hit": torch.tensor([1.0, 0.0, 1.0])}, 3))
    means.add(StepOutput(torch.tensor(5.0), {"hit": torch.tensor(1.0)}, 1))
    assert means.n == 4
    assert means.means() == {"loss": 2.0, "hit": 0.75}


def test_sums_as_numbers_are_those_on_the_device_to_the_bit() -> None:
    """Losses of all sizes, also those whose product with n is no float32 any more."""
    draw = torch.Generator().manual_seed(0)
    for exponent in range(-46, 38):
        loss, hits = torch.rand((), generator=draw) * 10.0**exponent, torch.rand(7, generator=draw)
        scores = StepOutput(
            loss.requires_grad_(), {"hit": hits, "some": hits.bfloat16()}, int(2 ** (exponent / 2 + 24))
        )
        numbers, on_device = Mean(), Mean(on_device=True)
        numbers.add(scores)
        on_device.add(scores)
        assert all(isinstance(total, float) for total in numbers.sums.values())
        assert all(isinstance(total, torch.Tensor) and not total.requires_grad for total in on_device.sums.values())
        assert numbers.means() == on_device.means()


@pytest.mark.parametrize("on_device", [False, True])
def test_a_pass_counts_each_step_once_however_often_its_window_ends(on_device: bool) -> None:
    means = PassMean(on_device=on_device)
    for number in range(1, 8):
        means.add(StepOutput(torch.tensor(float(number)), {}, number))
        if number % 3 == 0:
            means.end_window()
    assert means.means()["loss"] == pytest.approx(sum(n * n for n in range(1, 8)) / 28)
    assert means.window.means() == {"loss": 7.0}


def test_mean_is_exact_over_many_steps() -> None:
    """In float32 a sum of ten million no longer notices a 0.1."""
    means = Mean()
    means.add(StepOutput(torch.tensor(1e9), {}, 1))
    for _ in range(1000):
        means.add(StepOutput(torch.tensor(0.5), {}, 1))
    assert means.means()["loss"] == pytest.approx((1e9 + 500) / 1001, rel=1e-12)


def test_mean_goes_through_a_checkpoint(tmp_path) -> None:
    means = Mean()
    means.add(StepOutput(torch.tensor(1.5, requires_grad=True), {"hit": torch.ones(2)}, 2))
    torch.save(means.state_dict(), tmp_path / "mean.pt")
    again = Mean()
    again.load_state_dict(torch.load(tmp_path / "mean.pt", weights_only=True))
    for each in (means, again):
        each.add(StepOutput(torch.tensor(0.25), {"hit": torch.zeros(3)}, 3))
    assert again.means() == means.means() == {"loss": 0.75, "hit": 0.4}
