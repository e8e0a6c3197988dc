"""Naive Bayes' votes, by hand; the same whatever the batches; and what version 0.1.0 kept is read."""

import math

import pytest
import torch
from options import options, ready

from dlrun.data.base import Data, Schema, Split
from dlrun.errors import UserError
from dlrun.model.base import Counted
from dlrun.model.nbsvm import NBSVM
from dlrun.task.classify_texts import ClassifyTexts
from dlrun.text.vocab import Vocab

GOOD, BAD = 3, 4


def reviews() -> Data:
    """Four texts: `GOOD` stands in both of class 1, twice in one of them, and in one of class 0."""
    x = torch.tensor([GOOD, GOOD, 5, GOOD, 6, BAD, GOOD, BAD, 5], dtype=torch.int32)
    split = Split(x, torch.tensor([1, 1, 0, 0]), torch.tensor([0, 3, 5, 7, 9]))
    vocab = Vocab(["<pad>", "<unk>", "?", "good", "bad", "a", "b"], tokenization="word", unknown="<unk>")
    schema = Schema({"vocab_size": 7, "outputs": 2}, "text", "class", vocab=vocab, labels=("negative", "positive"))
    return Data(split, None, None, schema)


def task_of(data: Data) -> ClassifyTexts:
    return ready(ClassifyTexts, data, **options("task/classify_texts"))


def test_votes_are_those_of_naive_bayes() -> None:
    """By hand, alpha = 1, seven words: class 1 has good 2, a 1, b 1; class 0 has bad 2, good 1, a 1."""
    task, model = task_of(reviews()), NBSVM(7, 2, ngrams=1, buckets=8, smoothing=1.0)
    assert isinstance(model, Counted) and model.votes.abs().sum() == 0
    batch = next(iter(task.batches("train", 2, seed=0, epoch=0)))
    assert task.step(model.eval(), batch).loss.item() == pytest.approx(math.log(2))
    model.count(task.batches("train", 2, seed=0, epoch=0))
    assert task.step(model.train(), batch).loss.item() == pytest.approx(math.log(2))  # all weights are 0
    ratio = model.votes[:, 1] - model.votes[:, 0]
    log_ratio = {GOOD: (3, 2), BAD: (1, 3), 5: (2, 2), 6: (2, 1), 0: (1, 1)}  # of 11 in both classes
    for word, (positive, negative) in log_ratio.items():
        assert ratio[word].item() == pytest.approx(math.log(positive / negative), abs=1e-6), word
    with torch.no_grad():
        model.weight.fill_(1.0)
    logits = model(torch.tensor([[GOOD, 6, GOOD]]), torch.tensor([3]))[0]
    assert (logits[1] - logits[0]).item() == pytest.approx((math.log(3 / 2) + math.log(2)) / math.sqrt(2))
    (answer,) = task.predict(model.eval(), ["good b good"])
    assert not isinstance(answer, UserError) and answer[0][0] == "positive"


def test_counts_are_the_same_whatever_the_batches() -> None:
    task = task_of(reviews())
    one, other = (NBSVM(7, 2, ngrams=2, buckets=64, smoothing=2.0) for _ in range(2))
    one.count(task.batches("train", 1, seed=3, epoch=0))
    other.count(task.batches("train", 4, seed=0, epoch=0))
    assert one.votes.equal(other.votes) and one.votes.abs().sum() > 0
    of_before = one.state_dict() | {"counted": torch.tensor(True)}  # version 0.1.0 kept that
    NBSVM(7, 2, ngrams=2, buckets=64, smoothing=2.0).load_state_dict(of_before)
