"""Word vectors: how they begin, and that a score is a product of a mean and an output vector."""

import torch
from models import B, V, check_gradients
from torch import nn

from dlrun.model.word2vec import WordVectors


def model() -> WordVectors:
    torch.manual_seed(0)
    made = WordVectors(V, embed=4)
    nn.init.normal_(made.output.weight)  # it begins at 0
    return made


def inputs() -> torch.Tensor:
    return torch.randint(V, (B, 3))


def test_scores_begin_at_zero() -> None:
    begins = WordVectors(V, embed=4)
    assert begins(inputs(), None, torch.randint(V, (B, 5))).equal(torch.zeros(B, 5))
    assert 0 < begins.word_vectors().abs().max() <= 0.5 / 4


def test_targets_are_picked_from_the_scores_of_all() -> None:
    made, words, targets = model(), inputs(), torch.randint(V, (B, 5))
    everything = made(words)
    assert everything.shape == (B, V)
    torch.testing.assert_close(made(words, None, targets), everything.gather(1, targets))
    torch.testing.assert_close(everything[2], made.output.weight @ made.input.weight[words[2]].mean(0))


def test_only_words_of_the_mask_count_in_the_mean() -> None:
    made, words, targets = model(), inputs(), torch.randint(V, (B, 5))
    mask = torch.zeros(B, 3, dtype=torch.bool)
    mask[:, 1] = True
    torch.testing.assert_close(made(words, mask, targets), made(words[:, 1:2], None, targets))
    nothing = made(words, torch.zeros_like(mask), targets)  # a centre without a neighbour
    assert nothing.equal(torch.zeros(B, 5))
    check_gradients(made, made(words, mask, targets))
