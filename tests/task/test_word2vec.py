"""word2vec: its pairs, subsampling and negatives against slow or exact references; and that it learns."""

import math
from collections import Counter
from typing import Any

import pytest
import torch
from options import ready
from torch import Tensor

from dlrun.data.base import Data, Schema, Split
from dlrun.errors import UserError
from dlrun.model.word2vec import WordVectors
from dlrun.task.word2vec import NONE, Word2Vec, cbow_rows, keep_probability, skipgram_pairs
from dlrun.text.vocab import Vocab

OPTIONS: dict[str, Any] = {
    "method": "skipgram",
    "window": 2,
    "subsample": None,
    "min_count": 1,
    "loss": "negative_sampling",
    "negatives": 5,
}


def corpus(texts: list[list[int]], words: int) -> Data:
    x = torch.tensor([word for text in texts for word in text])
    offsets = torch.tensor([0, *(len(text) for text in texts)]).cumsum(0)
    split = Split(x, offsets=offsets)
    vocab = Vocab([f"w{i}" for i in range(words)], tokenization="word")
    return Data(split, split, None, Schema({"vocab_size": words}, "text", vocab=vocab))


def random_corpus(words: int = 12, texts: int = 40) -> Data:
    draw = torch.Generator().manual_seed(3)
    lengths = torch.randint(1, 9, (texts,), generator=draw).tolist()
    shares = 1 / torch.arange(1, words + 1)
    return corpus([torch.multinomial(shares, n, True, generator=draw).tolist() for n in lengths], words)


def reaches(count: int, window: int, seed: int) -> list[int]:
    return torch.randint(1, window + 1, (count,), generator=torch.Generator().manual_seed(seed)).tolist()


def slow_windows(texts: list[list[int]], window: int, seed: int) -> list[tuple[int, list[int]]]:
    """(centre, neighbours from left to right) of every word, one word at a time."""
    reach = iter(reaches(sum(map(len, texts)), window, seed))
    found = []
    for text in texts:
        for place, centre in enumerate(text):
            far = next(reach)
            found.append((centre, text[max(place - far, 0) : place] + text[place + 1 : place + 1 + far]))
    return found


def flat(texts: list[list[int]]) -> tuple[Tensor, Tensor]:
    words = torch.tensor([word for text in texts for word in text], dtype=torch.int32)
    return words, torch.arange(len(texts)).repeat_interleave(torch.tensor([len(text) for text in texts]))


TEXTS = [[0, 1, 2, 3, 4, 5], [6], [7, 8], [], [9, 9, 10, 11, 12, 13, 14], [0, 5]]


@pytest.mark.parametrize("window", [1, 3, 20])
def test_pairs_are_those_of_a_slow_reference(window: int) -> None:
    centres, neighbours = skipgram_pairs(*flat(TEXTS), window, torch.Generator().manual_seed(1))
    assert centres.shape == (len(neighbours), 1)
    expected = Counter((centre, near) for centre, around in slow_windows(TEXTS, window, 1) for near in around)
    assert Counter(zip(centres.flatten().tolist(), neighbours.tolist(), strict=True)) == expected
    assert (0, 6) not in expected and (6, 5) not in expected  # never over a border


@pytest.mark.parametrize("window", [1, 3, 20])
def test_rows_are_those_of_a_slow_reference(window: int) -> None:
    rows, centres = cbow_rows(*flat(TEXTS), window, torch.Generator().manual_seed(1))
    assert rows.shape == (len(centres), 2 * window)
    made = [(c, [w for w in row if w != NONE]) for c, row in zip(centres.tolist(), rows.tolist(), strict=True)]
    assert made == [(centre, around) for centre, around in slow_windows(TEXTS, window, 1) if around]


def test_windows_are_dynamic() -> None:
    """Of a long text each centre looks 1 to 5 far, 3 on average: 6 neighbours."""
    words = torch.arange(20_000, dtype=torch.int32)
    centres, neighbours = skipgram_pairs(words, torch.zeros(20_000), 5, torch.Generator().manual_seed(0))
    distance = (centres.flatten() - neighbours).abs()
    assert len(neighbours) / 20_000 == pytest.approx(6, rel=0.02)
    shares = torch.bincount(distance)[1:] / len(distance)
    torch.testing.assert_close(shares, torch.tensor([5, 4, 3, 2, 1]) / 15, atol=0.01, rtol=0)


def test_subsampling_keeps_each_word_at_its_rate() -> None:
    counts = torch.tensor([90_000, 9_000, 900, 100])
    keep = keep_probability(counts, 1e-2)
    torch.testing.assert_close(keep, torch.tensor([math.sqrt(1e-2 / 0.9), math.sqrt(1e-2 / 0.09), 1, 1]))
    text = torch.arange(4).repeat_interleave(counts)[torch.randperm(100_000)]
    data = corpus([text.tolist()], 4)
    task = ready(Word2Vec, data, **{**OPTIONS, "subsample": 1e-2, "method": "cbow"})
    left = torch.bincount(task.examples("train", 0, 0).targets, minlength=4)
    torch.testing.assert_close(left / counts, keep, atol=0.02, rtol=0.05)


def test_rare_words_are_skipped() -> None:
    data = corpus([[0, 1, 0, 2, 0, 1, 3, 1]] * 2, 5)
    task = ready(Word2Vec, data, **{**OPTIONS, "min_count": 4})
    examples = task.examples("train", 0, 0)
    assert set(examples.inputs.flatten().tolist()) == set(examples.targets.tolist()) == {0, 1}
    batch = next(iter(task.batches("train", 1000, seed=0, epoch=0)))
    assert set(batch.targets.flatten().tolist()) == {0, 1}  # nor are they negatives
    with pytest.raises(UserError, match="task.min_count=7 leaves fewer than two words"):
        ready(Word2Vec, data, **{**OPTIONS, "min_count": 7})


def test_negatives_follow_the_three_quarter_power() -> None:
    counts = torch.tensor([1000, 300, 100, 30, 10])
    text = torch.arange(5).repeat_interleave(counts).tolist()
    task = ready(Word2Vec, corpus([text], 5), **OPTIONS)
    words = torch.full((20_000,), 4)
    targets, signs = task.wanted(words, lambda: torch.Generator().manual_seed(0))
    assert signs is not None and targets.shape == signs.shape == (20_000, 6)
    assert targets[:, 0].equal(words) and (signs[:, 0] == 1).all()
    drawn = torch.bincount(targets[:, 1:].flatten(), minlength=5).double()
    expected = counts.double() ** 0.75 / (counts.double() ** 0.75).sum() * 100_000
    chi_square = ((drawn - expected) ** 2 / expected).sum().item()
    assert chi_square < 18.5  # 4 degrees of freedom: 1 in 1,000 by chance; plain frequencies give thousands
    assert signs[:, 1:].eq(0).equal(targets[:, 1:] == 4)  # the word itself is no negative
    assert set(signs[:, 1:].flatten().tolist()) == {-1, 0}


def test_loss_of_each_kind_is_its_formula() -> None:
    data = random_corpus()
    torch.manual_seed(0)
    model = WordVectors(12, embed=4)
    torch.nn.init.normal_(model.output.weight)
    torch.nn.init.normal_(model.input.weight)
    for kind in ("negative", "hierarchical_softmax", "softmax"):
        task = ready(Word2Vec, data, **{**OPTIONS, "loss": kind})
        batch = next(iter(task.batches("train", 16, seed=0, epoch=0)))
        scores = task.step(model, batch)
        assert scores.n == 16
        total = 0.0
        for row in range(16):
            x = model.input.weight[int(batch.inputs[row, 0])]
            logits = model.output.weight @ x
            if kind == "softmax":
                total -= logits.log_softmax(0)[batch.targets[row]].item()
                continue
            for target, sign in zip(batch.targets[row].tolist(), batch.signs[row].tolist(), strict=True):
                if sign:
                    total -= torch.nn.functional.logsigmoid(sign * logits[target]).item()
        assert scores.loss.item() == pytest.approx(total / 16, rel=1e-4)


# passes


def same(left: Any, right: Any) -> bool:
    return all(a is b if a is None else a.equal(b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("method", ["skipgram", "cbow"])
@pytest.mark.parametrize("loss", ["negative_sampling", "hierarchical_softmax", "softmax"])
def test_a_pass_can_begin_in_the_middle(method: str, loss: str) -> None:
    options = {**OPTIONS, "subsample": 0.05, "method": method, "loss": loss}
    whole = list(ready(Word2Vec, random_corpus(), **options).batches("train", 16, seed=5, epoch=2))
    again = ready(Word2Vec, random_corpus(), **options)
    rest = again.batches("train", 16, seed=5, epoch=2, start=2)
    assert len(rest) == len(whole) > 4
    assert all(same(a, b) for a, b in zip(whole[2:], rest, strict=True))
    other = list(again.batches("train", 16, seed=5, epoch=3))
    assert not same(whole[0], other[0])


def test_every_pair_once_and_evaluation_is_fixed() -> None:
    task = ready(Word2Vec, random_corpus(), **{**OPTIONS, "subsample": 0.05})
    train = list(task.batches("train", 16, seed=1, epoch=0))
    pairs = Counter((int(b.inputs[i, 0]), int(b.targets[i, 0])) for b in train for i in range(len(b.targets)))
    made = task.examples("train", 1, 0)
    assert pairs == Counter(zip(made.inputs.flatten().tolist(), made.targets.tolist(), strict=True))
    first = list(task.batches("val", 16, seed=0, epoch=0))
    assert all(same(a, b) for a, b in zip(first, task.batches("val", 16, seed=4, epoch=7), strict=True))


def test_the_last_pass_is_kept() -> None:
    task = ready(Word2Vec, random_corpus(), **OPTIONS)
    made = task.examples("train", 0, 0)
    task.batches("val", 16, seed=0, epoch=0)
    assert task.examples("train", 0, 0) is made
    assert task.examples("train", 0, 1) is not made


# learning


def two_topics() -> Data:
    """Texts of eight words from one of two topics of six words: what stands around tells the topic, and no more."""
    draw = torch.Generator().manual_seed(0)
    topics = torch.randint(2, (1500, 1), generator=draw)
    return corpus((torch.randint(6, (1500, 8), generator=draw) + 6 * topics).tolist(), 12)


@pytest.mark.parametrize("method", ["skipgram", "cbow"])
@pytest.mark.parametrize("loss", ["hierarchical_softmax", "softmax"])
def test_it_reaches_the_best_loss(method: str, loss: str) -> None:
    """The best any model can do is to know the topic: ln 6 nats for one of six equally likely words."""
    task, model = trained(method, loss)
    with torch.no_grad():
        batches = list(task.batches("val", 2048, seed=0, epoch=0))
        reached = sum(task.step(model, b).loss.item() * len(b.targets) for b in batches)
        reached /= sum(len(b.targets) for b in batches)
    assert reached == pytest.approx(math.log(6), rel=0.02)  # without learning: about ln 12 = 2.48


@pytest.mark.parametrize("method", ["skipgram", "cbow"])
def test_words_of_a_topic_are_neighbours(method: str) -> None:
    task, model = trained(method, "negative_sampling")
    vectors = torch.nn.functional.normalize(model.word_vectors().detach(), dim=1)  # type: ignore[union-attr]
    cosines = vectors @ vectors.T
    same_topic = torch.arange(12).unsqueeze(1) // 6 == torch.arange(12) // 6
    assert cosines[same_topic].min() > 0.8 > 0.4 > cosines[~same_topic].max()


def trained(method: str, loss: str) -> tuple[Word2Vec, WordVectors]:
    torch.manual_seed(0)
    task = ready(Word2Vec, two_topics(), **{**OPTIONS, "method": method, "loss": loss})
    model = WordVectors(12, embed=4)
    optim = torch.optim.Adam(model.parameters(), lr=0.03)
    for epoch in range(4):
        for batch in task.batches("train", 512, seed=0, epoch=epoch):
            optim.zero_grad()
            task.step(model, batch).loss.backward()
            optim.step()
    return task, model


def test_only_text_has_words() -> None:
    with pytest.raises(UserError, match="Word vectors need text"):
        Word2Vec(Schema({"in_features": 2, "outputs": 1}, "table", "number"), **OPTIONS)
