"""Vocabularies, how often each token occurs, and how long texts are."""

import pytest
import torch

from dlrun.data.base import Schema, Split
from dlrun.describe import tokens
from dlrun.describe.tokens import counted, frequent, is_mark, lengths
from dlrun.text.vocab import Vocab

TEXT, PAIR = Schema({}, "text"), Schema({"target_len": 3}, "pair", "text")


@pytest.mark.parametrize("piece", [1, 3, 2**22])
def test_each_token_is_counted_whatever_the_pieces(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "PIECE", piece)
    split = Split(torch.tensor([3, 0, 3, 1], dtype=torch.int16), offsets=torch.tensor([0, 4]))
    assert counted(split, 0, TEXT, 5).tolist() == [1, 1, 0, 2, 0]


def test_of_pairs_what_fills_them_up_does_not_count() -> None:
    split = Split(torch.tensor([[4, 2, 0, 0]]), torch.tensor([[4, 4, 2]]))
    assert counted(split, 0, PAIR, 5).tolist() == [0, 0, 1, 0, 1]
    assert counted(split, 1, PAIR, 5).tolist() == [0, 0, 1, 0, 2]


def test_frequent_tokens_without_marks_and_unknown_ones() -> None:
    vocab = Vocab(["<pad>", "?", "the", "<eos>", "a", "<", "never"], tokenization="word", unknown="?")
    found = frequent(torch.tensor([50, 40, 5, 9, 10, 6, 0]), vocab)
    assert found == [("a", 10 / 120), ("<", 6 / 120), ("the", 5 / 120)]
    assert frequent(torch.zeros(7, dtype=torch.long), vocab) == []
    many = Vocab([f"w{n}" for n in range(40)], tokenization="word")
    assert [token for token, _ in frequent(torch.arange(40, 0, -1), many)] == [f"w{n}" for n in range(10)]


def test_a_mark_is_a_word_in_angles() -> None:
    assert is_mark("<pad>") and not any(map(is_mark, ("<", "<>", "<a", "a>", "")))


def test_lengths_of_texts_and_of_sentences() -> None:
    texts = Split(torch.zeros(210), offsets=torch.tensor([0, *range(21)]).cumsum(0))  # of 0, 1, … 20 tokens
    assert lengths(texts, 0, TEXT) == {"median": 10, "95 %": 19, "longest": 20}
    pairs = Split(torch.tensor([[7, 7, 2], [7, 2, 0]]), torch.tensor([[7, 2], [7, 2]]))
    assert lengths(pairs, 0, PAIR) == {"median": 1, "95 %": 2, "longest": 2}  # <eos> is no word
    assert lengths(pairs, 1, PAIR) == {"median": 1, "95 %": 1, "longest": 1}
    assert lengths(Split(torch.zeros(9), offsets=torch.tensor([0, 9])), 0, TEXT) is None
