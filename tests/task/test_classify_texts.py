"""Classification of texts: each once and whole, in batches of about its length, and answers to a sentence."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from classified import Fixed, classify, text_data

from dlrun.data.base import Data, Schema, Split
from dlrun.errors import UserError
from dlrun.metric import Mean
from dlrun.model.textcnn import TextCNN
from dlrun.task.classify_texts import BUCKET, by_length
from dlrun.text.vocab import Vocab


def texts_of(batch: Any) -> list[list[int]]:
    ids, lengths = batch.inputs
    return [row[:n].tolist() for row, n in zip(ids, lengths.tolist(), strict=True)]


@pytest.mark.parametrize(("split", "batch_size"), [("train", 2), ("train", 7), ("val", 7), ("train", 1000)])
def test_every_text_once_whole_and_with_its_class(split: str, batch_size: int) -> None:
    data = text_data()
    task = classify(data)
    found = {}
    for batch in task.batches(split, batch_size, seed=0, epoch=0):
        ids, lengths = batch.inputs
        assert ids.dtype == lengths.dtype == torch.int64
        assert ids.shape[1] == lengths.max()
        assert ids[torch.arange(ids.shape[1]) >= lengths.unsqueeze(1)].eq(0).all()
        for text, y in zip(texts_of(batch), batch.y.tolist(), strict=True):
            assert text[0] not in found
            found[text[0]] = (text, y)
    offsets = data.train.offsets
    assert offsets is not None
    expected = {i + 2: (data.train.x[offsets[i] : offsets[i + 1]].tolist(), i % 2) for i in range(len(data.train))}
    assert found == expected


def test_texts_are_cut() -> None:
    task = classify(text_data(), max_len=3)
    lengths = torch.cat([batch.inputs[1] for batch in task.batches("train", 16, seed=0, epoch=0)])
    assert lengths.max() == 3 and len(lengths) == 300
    assert task.read(["w1 w2 w3 w4"]).tensors[0].shape == (1, 3)


def test_an_empty_text_is_one_token_of_padding() -> None:
    split = Split(torch.tensor([4, 5]), torch.tensor([0, 1, 0]), torch.tensor([0, 0, 2, 2]))
    task = classify(Data(split, None, None, Schema({"vocab_size": 6, "outputs": 2}, "text", "class")))
    ids, lengths = task.chosen("train", torch.tensor([0, 1, 2]))
    assert ids.tolist() == [[0, 0], [4, 5], [0, 0]] and lengths.tolist() == [1, 2, 1]
    assert task.chosen("train", torch.tensor([2]))[0].tolist() == [[0]]


def test_bucketing_saves_padding_and_stays_random() -> None:
    task = classify(text_data())
    batches = list(task.batches("train", 10, seed=0, epoch=0))
    padded, real = sum(b.inputs[0].numel() for b in batches), sum(int(b.inputs[1].sum()) for b in batches)
    assert padded / real < 1.12  # at random: 20 / 10.5 = 1.9
    longest = [int(batch.inputs[1].max()) for batch in batches]
    assert longest != sorted(longest)
    again = list(task.batches("train", 10, seed=0, epoch=1))
    assert {frozenset(t[0] for t in texts_of(b)) for b in batches} != {
        frozenset(t[0] for t in texts_of(b)) for b in again
    }


def test_by_length_sorts_within_chunks() -> None:
    lengths = torch.tensor([5, 1, 4, 2, 9, 3, 1])
    assert by_length(torch.arange(7), lengths, 3).tolist() == [1, 2, 0, 3, 5, 4, 6]
    assert by_length(torch.arange(7), lengths, 7).tolist() == [1, 6, 3, 5, 2, 0, 4]
    assert BUCKET > 1


def test_textcnn_learns_texts() -> None:
    """Texts of class 1 have the token 3 somewhere, the others nowhere."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(4, 20, (400, 8), generator=draw)
    y = torch.arange(400) % 2
    x[y == 1, torch.randint(8, (200,), generator=draw)] = 3
    split = Split(x.flatten(), y, torch.arange(401) * 8)
    task = classify(Data(split, None, None, Schema({"vocab_size": 20, "outputs": 2}, "text", "class")))
    torch.manual_seed(0)
    model = TextCNN(20, 2, embed=8, kernel_sizes=[1, 2], channels=8, multichannel=False, dropout=0.0)
    optim = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(10):
        means = Mean()
        for batch in task.batches("train", 20, seed=0, epoch=epoch):
            scores = task.step(model, batch)
            optim.zero_grad()
            scores.loss.backward()
            optim.step()
            means.add(scores)
    assert means.means()["accuracy"] == 1.0


def test_predict_a_sentence() -> None:
    task = classify(text_data())
    (ids, lengths), problems = task.read(["w0 never W1", "w1"])
    assert ids.tolist() == [[2, 1, 3], [3, 0, 0]] and lengths.tolist() == [3, 1] and not problems
    answer, empty = task.predict(Fixed([0.0, 1.0]), ["w0 never W1", "  "])
    assert not isinstance(answer, UserError) and [label for label, _ in answer] == ["good", "bad"]
    assert answer[0][1] == pytest.approx(1 / (1 + 2.718281828**-1))
    assert isinstance(empty, UserError) and "The text is empty" in str(empty)


def test_a_word_that_a_vocabulary_without_unknown_ones_lacks() -> None:
    data = text_data(3)
    known = Vocab(["<pad>", "a", "b"], tokenization="word")
    task = classify(replace(data, schema=replace(data.schema, vocab=known)))
    (ids, lengths), problems = task.read(["b a", "a z"])
    assert ids.tolist() == [[2, 1]] and lengths.tolist() == [2]
    assert problems == {1: "z is not in the vocabulary of 3."}
