"""The made-up language: its entropy is that of its lines, and each token is reached."""

import math

import pytest

from dlrun.files.markov import NEXT, Chain


def test_a_chains_entropy_is_that_of_its_lines():
    """Against the mean of -log p over a long text, which knows nothing of the formula."""
    chain = Chain([f"t{number}" for number in range(20)], end=0.2)
    total = count = 0.0
    for line in chain.lines(20000, seed=5):
        total -= math.log(1 / len(NEXT))
        for before, after in zip(line, line[1:], strict=False):
            total -= math.log(0.8 * NEXT[chain.successors[before].index(after)])
        total -= math.log(0.2)
        count += len(line) + 1
    assert total / count == pytest.approx(chain.entropy, rel=0.01)
    assert all(len(set(successors)) == len(NEXT) for successors in chain.successors.values())


def test_a_chain_is_always_the_same_and_reaches_every_token() -> None:
    tokens = [f"t{number}" for number in range(20)]
    chain, again = Chain(tokens, end=0.2), Chain(tokens, end=0.2)
    assert chain.successors == again.successors and chain.first == again.first
    assert list(chain.lines(5, seed=1)) == list(again.lines(5, seed=1)) != list(again.lines(5, seed=2))
    assert {token for line in chain.lines(2000, seed=0) for token in line} == {*tokens}
    assert {line[0] for line in chain.lines(2000, seed=0)} == {*chain.first}


def test_entropy_by_hand() -> None:
    """Of NEXT it is 7 / 4 bits; with lines that go on for ever nothing else is to be known."""
    assert Chain("abcdef", end=1e-9).entropy == pytest.approx(7 / 4 * math.log(2), abs=1e-6)
