"""Greedy and beam search over models whose best answers are counted out by hand or by trying everything."""

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from dlrun.text.beam import beam_search, greedy

V, BOS, EOS = 5, 1, 2


class Table:
    """log p(next | last word and how many there were), for each sentence its own; remembers how often it was asked."""

    def __init__(self, seed: int = 0) -> None:
        draw = torch.Generator().manual_seed(seed)
        self.log_p = torch.randn(3, 6, V, V, generator=draw).mul(2).log_softmax(3)  # sentence, place, last, next
        self.asked = 0

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[Tensor]:
        return (source[:, 0],)

    def decode(self, prefix: Tensor, *kept: Tensor) -> tuple[Tensor, None]:
        self.asked += 1
        (which,) = kept
        places = torch.arange(prefix.shape[1])
        return self.log_p[which.unsqueeze(1), places, prefix] + 7, None  # logits: log p up to a constant

    def total(self, which: int, words: tuple[int, ...]) -> float:
        path = [BOS, *words]
        return sum(self.log_p[which, i, a, b].item() for i, (a, b) in enumerate(itertools.pairwise(path)))


def best(model: Table, which: int, longest: int, penalty: float) -> tuple[list[int], float]:
    """By trying every sentence that ends within `longest` words, and those that are cut off there."""
    scored = []
    for length in range(1, longest + 1):
        for words in itertools.product([id for id in range(V) if id != EOS], repeat=length - 1):
            for last in range(V) if length == longest else [EOS]:
                whole = (*words, last)
                scored.append((model.total(which, whole) / length**penalty, whole))
    score, whole = max(scored)
    return [id for id in whole if id != EOS], score


def search(model: Any, which: int = 0, **changed: Any) -> list:
    chosen: dict[str, Any] = {"longest": 4, "beam": 2, "length_penalty": 0.75} | changed
    return beam_search(model, torch.tensor([[which]]), torch.tensor([1]), bos=BOS, eos=EOS, **chosen)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("penalty", [0.0, 0.75, 2.0])
def test_a_beam_as_wide_as_everything_finds_the_best(seed: int, penalty: float) -> None:
    model = Table(seed)
    found = search(model, longest=3, beam=V**3, length_penalty=penalty)
    words, score = best(model, 0, 3, penalty)
    assert (found[0].ids, found[0].score) == (words, pytest.approx(score, rel=1e-5))
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("seed", range(5))
def test_a_beam_of_one_is_greedy(which: int, seed: int) -> None:
    model = Table(seed)
    together = greedy(model, torch.tensor([[0], [1], [2]]), torch.ones(3), bos=BOS, eos=EOS, longest=5)
    (found,) = search(model, which, longest=5, beam=1)
    assert found.ids == together[which] and len(found.ids) <= 5
    expected, last = [], BOS
    for place in range(5):
        last = int(model.log_p[which, place, last].argmax())
        if last == EOS:
            break
        expected.append(last)
    assert found.ids == expected


def garden_path() -> Table:
    """The likeliest first word, 3, leads nowhere: 0.6 * 0.4; by way of 4 it is 0.4 * 1.0."""
    model = Table()
    p = torch.full((3, 6, V, V), 1e-6)
    p[:, 0, BOS, 3], p[:, 0, BOS, 4] = 0.6, 0.4
    p[:, 1, 3, 0], p[:, 1, 3, 3], p[:, 1, 3, 4] = 0.4, 0.3, 0.3
    p[:, 1, 4, 0] = 1.0
    p[:, 2, :, EOS] = 1.0
    model.log_p = p.log()
    return model


def test_a_beam_of_two_sees_what_greedy_misses() -> None:
    assert search(garden_path(), beam=1)[0].ids == [3, 0]
    found = search(garden_path(), beam=2)
    assert [each.ids for each in found] == [[4, 0], [3, 0]]
    assert found[0].score == pytest.approx(torch.tensor(0.4).log().item() / 3**0.75, abs=1e-4)


def test_a_length_penalty_prefers_longer_ones() -> None:
    model = Table()
    p = torch.full((3, 6, V, V), 1e-6)
    p[:, 0, BOS, EOS], p[:, 0, BOS, 3] = 0.5, 0.45
    p[:, 1:, 3, 3], p[:, 4, 3, EOS] = 0.9, 0.9
    model.log_p = p.log()
    assert search(model, longest=5, length_penalty=0.0)[0].ids == []
    assert search(model, longest=5, length_penalty=0.75)[0].ids[:3] == [3, 3, 3]


def test_search_ends_with_the_beam() -> None:
    model = garden_path()
    search(model, beam=2, longest=6)
    assert model.asked == 3
