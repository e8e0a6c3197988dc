"""The mean of word and n-gram vectors: which order it sees, and what training never met."""

import torch
from models import CLASSES, B, V, bag, texts

from dlrun.model.bag import Bag


def test_order_within_a_bigram_is_all_that_a_bag_sees() -> None:
    model = bag(buckets=10**4).eval()
    ids = torch.tensor([[1, 2, 3, 1, 2], [3, 1, 2, 3, 1], [2, 1, 3, 2, 1]])
    answers = model(ids, torch.tensor([5, 5, 5]))
    torch.testing.assert_close(answers[0], answers[1])  # 12 23 31 in both
    assert not torch.allclose(answers[0], answers[2])
    plain = bag(ngrams=1)
    assert plain.embedding.num_embeddings == V  # no row that nothing uses
    torch.testing.assert_close(plain(ids, torch.tensor([5, 5, 5]))[0], plain(ids, torch.tensor([5, 5, 5]))[2])


def test_an_answer_is_that_of_the_mean() -> None:
    """A word counts once, however often it is there."""
    model = bag(ngrams=1)
    mean = model.embedding.weight[[4, 7]].mean(0)
    torch.testing.assert_close(model(torch.tensor([[4, 7, 4, 0]]), torch.tensor([3]))[0], model.output(mean))


def test_what_training_never_met_says_nothing() -> None:
    model = Bag(V, CLASSES, ngrams=2, buckets=50, embed=5, dropout=0.0)
    torch.testing.assert_close(model(*texts()), model.output.bias.expand(B, -1))
    assert model.word_vectors().shape == (V, 5)
