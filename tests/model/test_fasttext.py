"""FastText: n-grams and their hash, words as the mean of their parts, a gradient in each part, and words never seen."""

import pytest
import torch
from torch import nn

from dlrun.errors import UserError
from dlrun.model.fasttext import FastText, fnv1a, ngrams
from dlrun.model.word2vec import WordVectors
from dlrun.text.embeddings import SubwordEmbedding

WORDS = ["a", "cat", "cats", "dog", "über"]


def fasttext(**options: int) -> FastText:
    return FastText(len(WORDS), WORDS, **({"embed": 4, "buckets": 50, "shortest": 3, "longest": 5} | options))


def test_ngrams_know_where_a_word_begins_and_ends() -> None:
    assert ngrams("cat", 3, 4) == ["<ca", "cat", "at>", "<cat", "cat>"]
    assert ngrams("a", 3, 6) == ["<a>"]
    assert ngrams("a", 4, 6) == []


def test_the_hash_is_fnv1a() -> None:
    """The published test values, so that a saved run means the same words on every machine."""
    assert [fnv1a(text) for text in ("", "a", "foobar")] == [0x811C9DC5, 0xE40C292C, 0xBF9CF968]
    assert fnv1a("ü") == fnv1a("\u00fc") != fnv1a("u")


def test_a_word_is_the_mean_of_its_parts() -> None:
    torch.manual_seed(0)
    model = fasttext()
    table = model.input.weight
    buckets = [1 + len(WORDS) + fnv1a(gram) % 50 for gram in ngrams("cats", 3, 5)]
    torch.testing.assert_close(model.word_vectors()[2], table[[3, *buckets]].mean(0))
    some = torch.tensor([[2, 4], [2, 2]])
    torch.testing.assert_close(model.input(some), model.word_vectors()[some])
    assert model.embedding_tables() == []  # no table of whole words


def test_a_word_never_seen_is_the_mean_of_its_ngrams() -> None:
    model = fasttext()
    assert isinstance(model, SubwordEmbedding)
    unseen = model.oov_vector("catsup")
    rows = [1 + len(WORDS) + fnv1a(gram) % 50 for gram in ngrams("catsup", 3, 5)]
    assert unseen is not None
    torch.testing.assert_close(unseen, model.input.weight[rows].mean(0))
    assert fasttext(shortest=4).oov_vector("b") is None


def test_lengths_that_leave_nothing_are_refused() -> None:
    with pytest.raises(UserError, match="model.shortest=6 is more than model.longest=5"):
        fasttext(shortest=6)


def test_fasttext_has_shape_and_gradients() -> None:
    """Scores are those of word2vec with the same vectors; each word's own row and each of its buckets learns."""
    torch.manual_seed(0)
    model, plain = fasttext(), WordVectors(len(WORDS), embed=4)
    nn.init.normal_(model.output.weight)
    plain.output.weight.data, plain.input.weight.data = model.output.weight.data, model.word_vectors().data
    inputs, targets = torch.randint(5, (6, 3)), torch.randint(5, (6, 2))
    mask = torch.rand(6, 3) < 0.7
    scores = model(inputs, mask, targets)
    assert scores.shape == (6, 2) and model(inputs).shape == (6, 5)
    torch.testing.assert_close(scores, plain(inputs, mask, targets))
    model(torch.arange(5).unsqueeze(1)).square().sum().backward()
    used = model.input.parts.unique()
    used = used[used != 0].long()
    assert model.output.weight.grad is not None and (model.output.weight.grad.abs().sum(1) > 0).all()
    gradient = model.input.weight.grad
    assert gradient is not None and gradient.isfinite().all() and (gradient[used].abs().sum(1) > 0).all()
    assert int((gradient.abs().sum(1) > 0).sum()) == len(used)  # the row of no n-gram never moves
