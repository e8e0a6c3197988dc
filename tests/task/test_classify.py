"""Classification: the loss, side heads, metrics, class weights and the baseline, and answers to a row of a table."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from classified import Fixed, classify, image_data, text_data
from options import options
from sklearn import metrics as reference
from sklearn.dummy import DummyClassifier
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from dlrun.data.base import Data, Schema, Split
from dlrun.errors import UserError
from dlrun.metric import Mean
from dlrun.model.base import Output
from dlrun.task.classify import Classify


def test_step_is_cross_entropy_and_accuracy() -> None:
    task, model = classify(image_data()), Fixed([0.0, 2.0, 1.0])
    means = Mean()
    for batch in task.batches("train", 4, seed=0, epoch=0):
        means.add(task.step(model, batch))
    log_p = model.logits.log_softmax(0)
    assert means.n == 10
    assert means.means()["accuracy"] == pytest.approx(0.3)  # three of ten are of class 1
    assert means.means()["loss"] == pytest.approx(-(4 * log_p[0] + 3 * log_p[1] + 3 * log_p[2]).item() / 10)


def test_label_smoothing_is_for_training_alone() -> None:
    model = Fixed([0.0, 2.0, 1.0])
    plain, smooth = classify(image_data()), classify(image_data(), label_smoothing=0.3)
    batch = next(iter(plain.batches("val", 10, seed=0, epoch=0)))
    hard = plain.step(model, batch).loss.item()
    even = -model.logits.log_softmax(0).mean().item()
    assert smooth.step(model, batch).loss.item() == pytest.approx(0.7 * hard + 0.3 * even)
    model.eval()
    assert smooth.step(model, batch).loss.item() == hard


def test_side_heads_add_their_losses_while_training() -> None:
    class Sided(Fixed):
        def forward(self, x: Tensor, lengths: Tensor | None = None) -> Any:
            logits = super().forward(x)
            return Output(logits, auxiliary=(2 * logits, 3 * logits)) if self.training else logits

    task, model = classify(image_data(), auxiliary_weight=0.5, label_smoothing=0.1), Sided([0.0, 2.0, 1.0])
    batch = next(iter(task.batches("train", 10, seed=0, epoch=0)))
    one, two, three = (
        torch.nn.functional.cross_entropy(factor * model(*batch.inputs)[0], batch.y, label_smoothing=0.1).item()
        for factor in (1, 2, 3)
    )
    scores = task.step(model, batch)
    assert scores.loss.item() == pytest.approx(one + 0.5 * (two + three))
    assert scores.values["accuracy"].sum() == 3  # of the answer itself: three of ten are of class 1
    plain = classify(image_data()).step(Fixed([0.0, 2.0, 1.0]).eval(), batch)
    assert task.step(model.eval(), batch).loss.item() == plain.loss.item()


@pytest.mark.parametrize("make", [image_data, text_data])
@pytest.mark.parametrize("split", ["train", "val"])
def test_a_pass_can_begin_in_the_middle(make: Any, split: str) -> None:
    whole = list(classify(make()).batches(split, 3, seed=3, epoch=2))
    rest = classify(make()).batches(split, 3, seed=3, epoch=2, start=2)
    assert len(rest) == len(whole)
    for a, b in zip(whole[2:], rest, strict=True):
        assert a.y.equal(b.y)
        assert all(x.equal(y) for x, y in zip(a.inputs, b.inputs, strict=True))
    other = list(classify(make()).batches(split, 3, seed=3, epoch=3))
    same = all(a.inputs[0].equal(b.inputs[0]) for a, b in zip(whole, other, strict=True))
    assert same == (split == "val")


def test_tables_with_classes() -> None:
    split = Split(torch.rand(6, 2), torch.arange(6) % 2)
    task = classify(Data(split, None, None, Schema({"in_features": 2, "outputs": 2}, "table", "class")))
    assert task.read(["1, 2.5"]).tensors[0].tolist() == [[1.0, 2.5]]
    (answer,) = task.predict(Fixed([0.0, 1.0]), ["1,2"])
    assert not isinstance(answer, UserError) and [label for label, _ in answer] == ["1", "0"]
    assert "is not 2 numbers" in task.read(["1,2,3"]).problems[0]


@pytest.mark.parametrize("targets", [None, "number"])
def test_only_classes_can_be_told_apart(targets: Any) -> None:
    with pytest.raises(UserError, match="task=classify needs examples with a class each"):
        Classify(Schema({"in_features": 2, "outputs": 1}, "table", targets), **options("task/classify"))


# metrics, class weights, the baseline


def rows(y: list[int], val: list[int], outputs: int) -> Data:
    """Rows of two numbers; classes as they are given."""
    draw = torch.Generator().manual_seed(0)
    parts = [Split(torch.randn(len(each), 2, generator=draw), torch.tensor(each)) for each in (y, val)]
    return Data(parts[0], parts[1], None, Schema({"in_features": 2, "outputs": outputs}, "table", "class"))


LOPSIDED = [0] * 9 + [1] * 4 + [2, 4, 5] * 3 + [3, 6, 6]


def test_all_metrics_are_told_of_an_evaluation_and_only_means_while_training() -> None:
    every = ["f1", "auc", "log_loss", "top5"]
    task, model = classify(rows(LOPSIDED, LOPSIDED[::-1], 7), metrics=every), nn.Linear(2, 7)
    batch = next(iter(task.batches("val", 99, seed=0, epoch=0)))
    step = task.step(model, batch)
    assert set(step.values) == {"log_loss", "top5", "accuracy"} and step.answers is None  # the goal's is always there
    assert set(task.step(model.eval(), batch).values) == set(step.values)
    answers = task.step(model, batch).answers
    assert answers is not None and answers[0].shape == (25, 7) and list(task.score(*answers)) == ["f1", "auc"]
    plain = classify(rows(LOPSIDED, LOPSIDED, 7))
    assert plain.step(model, batch).answers is None and list(plain.step(model, batch).values) == ["accuracy"]


def test_top5_needs_more_than_five_classes() -> None:
    for chosen in ({"goal": "max top5"}, {"metrics": ["top5"]}):
        with pytest.raises(UserError, match="top5 needs more than 5 classes, and there are 3. Leave it out."):
            classify(image_data(), **chosen)


def test_the_baseline_is_scikit_learn_s() -> None:
    """Of classes that are all in the training part, one of which the other part has not."""
    val = [2, 0, 1, 1, 6, 5, 4, 0]
    task = classify(rows(LOPSIDED, val, 7), metrics=["f1", "auc", "log_loss", "top5"])
    dummy = DummyClassifier(strategy="prior").fit([[0]] * len(LOPSIDED), LOPSIDED)
    said, chances = dummy.predict([[0]] * len(val)), dummy.predict_proba([[0]] * len(val))
    loss = reference.log_loss(val, chances, labels=range(7))
    expected = {
        "loss": loss,
        "log_loss": loss,
        "accuracy": reference.accuracy_score(val, said),
        "f1": reference.f1_score(val, said, average="macro", zero_division=0),
        "auc": 0.5,
        "top5": 7 / 8,  # all but the 6
    }
    assert task.baseline("val") == pytest.approx(expected)
    assert math.isnan(classify(rows([0, 1], [1, 1], 2), goal="max auc").baseline("val")["auc"])
    unseen = classify(rows([0, 0], [0, 1], 3), metrics=["f1", "log_loss"]).baseline("val")
    assert unseen["log_loss"] == math.inf and unseen["accuracy"] == 0.5 and unseen["f1"] == pytest.approx(1 / 3)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_balanced_classes_count_alike(smoothing: float) -> None:
    """Weights are scikit-learn's; a batch is worth what its examples are, whoever else is in it."""
    data = rows(LOPSIDED, LOPSIDED, 7)
    task, model = classify(data, class_weights="balanced", label_smoothing=smoothing), nn.Linear(2, 7)
    weights = compute_class_weight("balanced", classes=np.arange(7), y=LOPSIDED)
    assert task.weights.tolist() == pytest.approx(weights) and task.note == ""
    total = 0.0
    for batch in task.batches("train", 5, seed=0, epoch=0):
        step = task.step(model.train(), batch)
        total += step.loss.item() * step.n
        evaluated = task.step(model.eval(), batch).loss
        torch.testing.assert_close(evaluated, cross_entropy(model(*batch.inputs), batch.y))  # without weights
    if not smoothing:
        split = task.splits["train"]
        each = cross_entropy(model(split.x), split.y, reduction="none")
        assert total == pytest.approx((each * torch.tensor(weights)[split.y]).sum().item(), rel=1e-5)
    one = task.splits["train"].y == 6
    alone = task.loss(torch.zeros(int(one.sum()), 7), torch.full((2,), 6), True).item()
    assert alone == pytest.approx(
        weights[6] * math.log(7) * (1 - smoothing) + smoothing * sum(weights) * math.log(7) / 7
    )


def test_a_class_without_an_example_weighs_nothing() -> None:
    task = classify(rows([0, 0, 2], [1], 9), class_weights="balanced")
    assert task.weights.tolist() == [0.75, 0, 1.5, 0, 0, 0, 0, 0, 0]
    assert task.note.endswith("has no example of 1, 3, 4, 5, 6 and 2 more: weight 0")
    assert torch.isfinite(task.step(nn.Linear(2, 9), next(iter(task.batches("val", 1, seed=0, epoch=0)))).loss)


@pytest.mark.parametrize("data", [image_data(), text_data()], ids=["images", "texts"])
def test_classes_of_images_and_texts_can_be_balanced(data: Data) -> None:
    task = classify(data, class_weights="balanced", metrics=["auc"])
    batch, model = next(iter(task.batches("train", 5, seed=0, epoch=0))), Fixed([0.0] * data.schema.sizes["outputs"])
    loss = task.step(model, batch).loss.item()
    assert loss == pytest.approx(task.weights[batch.y].mean().item() * math.log(data.schema.sizes["outputs"]), rel=1e-5)
    halves = task.loss(model(batch.inputs[0]).bfloat16(), batch.y, True)  # as autocast answers
    assert halves.item() == pytest.approx(loss, rel=1e-2)
