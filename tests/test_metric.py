"""Metrics and their means."""

import math

import pytest
import torch
from sklearn import metrics as reference
from torch.nn.functional import one_hot

from dlrun.metric import Mean, PassMean, absolute_error, accuracy, auc, f1, log_loss, r2, squared_error, top5
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


def random_logits(classes: int, seed: int, ties: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """(N, C) and (N,); `ties`: of few different values, so that many chances are the same."""
    draw = torch.Generator().manual_seed(seed)
    y = torch.randint(classes, (200,), generator=draw)
    logits = torch.randn(200, classes, generator=draw) + 2 * one_hot(y, classes) * (y % 2).unsqueeze(1)
    return (logits.round() if ties else logits), y


@pytest.mark.parametrize("classes", [2, 3, 8])
@pytest.mark.parametrize("ties", [False, True])
def test_classification_as_scikit_learn_has_it(classes: int, ties: bool) -> None:
    for seed in range(5):
        logits, y = random_logits(classes, seed, ties)
        chances = logits.double().softmax(1)
        assert f1(logits, y) == pytest.approx(reference.f1_score(y, logits.argmax(1), average="macro"), rel=1e-12)
        scores = chances[:, 1] if classes == 2 else chances
        assert auc(logits, y) == pytest.approx(reference.roc_auc_score(y, scores, multi_class="ovr"), rel=1e-9)
        labels = list(range(classes))
        assert log_loss(logits, y).mean().item() == pytest.approx(reference.log_loss(y, chances, labels=labels))
        if classes > 5 and not ties:  # which of two that tie is fifth is nobody's to say
            expected = reference.top_k_accuracy_score(y, logits, k=5, labels=labels)
            assert top5(logits, y).mean().item() == pytest.approx(expected)


def test_classes_that_never_occur() -> None:
    """They are no part of the means over classes; one that was only answered is a 0 in that of f1."""
    logits, y = random_logits(3, 0)
    y = y % 2
    there = reference.f1_score(y, logits.argmax(1), average="macro", zero_division=0)
    assert (logits.argmax(1) == 2).any() and f1(logits, y) == pytest.approx(there)
    chances = logits.double().softmax(1)
    each = [reference.roc_auc_score(y == number, chances[:, number]) for number in (0, 1)]
    assert auc(logits, y) == pytest.approx(sum(each) / 2)
    wide = torch.cat([logits, torch.full((len(y), 2), -50.0)], dim=1)  # neither said nor true
    assert f1(wide, y) == pytest.approx(f1(logits, y))


def test_one_class_only() -> None:
    logits = torch.tensor([[1.0, 0.0], [2.0, 0.0]])
    y = torch.zeros(2, dtype=torch.long)
    assert math.isnan(auc(logits, y)) and math.isnan(auc(logits[:, :1], y))
    assert math.isnan(auc(torch.cat([logits, logits], dim=1), y))
    assert f1(logits, y) == 1.0 == reference.f1_score(y, logits.argmax(1), average="macro")
    assert f1(-logits, y) == 0.0


def test_auc_of_chances_that_round_to_one() -> None:
    """As chances all three were 1.0, in float64 too: a tie."""
    logits, y = torch.tensor([[0.0, 100.0], [0.0, 200.0], [0.0, 300.0]]), torch.tensor([0, 1, 1])
    assert auc(logits, y) == 1.0
    assert math.isnan(auc(torch.full((4, 3), math.nan), torch.tensor([0, 1, 2, 0])))


@pytest.mark.parametrize("outputs", [1, 3])
def test_regression_as_scikit_learn_has_it(outputs: int) -> None:
    for seed in range(5):
        draw = torch.Generator().manual_seed(seed)
        y = torch.randn(50, outputs, generator=draw) * 3 + 1000
        answers = y + torch.randn(50, outputs, generator=draw)
        assert r2(answers, y) == pytest.approx(reference.r2_score(y.double(), answers.double()), rel=1e-9)
        mae, mse = absolute_error(answers, y).mean().item(), squared_error(answers, y).mean().item()
        assert mae == pytest.approx(reference.mean_absolute_error(y, answers), rel=1e-5)
        assert mse == pytest.approx(reference.mean_squared_error(y, answers), rel=1e-5)


def test_r2_of_what_never_varies_and_of_one_example() -> None:
    y = torch.full((4, 1), 7.0)
    for answers in (y, y + torch.tensor([[0.0], [1.0], [0.0], [0.0]])):
        assert r2(answers, y) == reference.r2_score(y, answers)
    assert math.isnan(r2(y[:1], y[:1]))
