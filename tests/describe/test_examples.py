"""A few examples of the training part, in words, of each kind of inputs."""

from typing import Any

import torch

from dlrun.data.base import Schema, Split
from dlrun.describe.examples import BEGIN, beginning, examples_of, input_of, target_of
from dlrun.text.vocab import Vocab

WORDS = Vocab(["<pad>", "<bos>", "<eos>", "<unk>", "a", "b", "c"], tokenization="word")


def schema(inputs: Any, targets: Any = None, **more: Any) -> Schema:
    sizes = {"in_features": 2, "outputs": 2, "in_channels": 1, "height": 2, "width": 2, "target_len": 3}
    return Schema(sizes, inputs, targets, **more)


def test_rows_of_a_table_with_numbers_and_names() -> None:
    split = Split(torch.tensor([[1.5, 2.0], [3.0, 1e9]]), torch.tensor([[0.5], [2.0]]))
    found = examples_of(split, schema("table", "number", target="price"))
    assert found == [{"x1": "1.5", "x2": "2", "price": "0.5"}, {"x1": "3", "x2": "1e+09", "price": "2"}]
    assert target_of(Split(split.x, torch.arange(10.0).view(2, 5)), 1, schema("table", "number")) == {"y": "5, 6, 7"}


def test_a_class_has_its_label_where_there_are_any() -> None:
    split = Split(torch.zeros(1200, 1, 2, 2), torch.ones(1200, dtype=torch.long))
    assert input_of(split, 1199, schema("image", "class")) == {"picture": "train 1,200"}
    assert target_of(split, 0, schema("image", "class", labels=("cat", "dog"))) == {"label": "dog"}
    assert target_of(split, 0, schema("image", "class")) == {"label": "1"}
    assert [each["picture"] for each in examples_of(split, schema("image", "class"))] == [
        f"train {at:,}" for at in (1, 241, 481, 721, 961)
    ]


def test_one_long_text_is_shown_in_a_few_places() -> None:
    split = Split(torch.tensor([4, 5] * 500), offsets=torch.tensor([0, 1000]))
    found = examples_of(split, schema("text", vocab=WORDS))
    assert [each["text"] for each in found] == [" ".join("ab" * (BEGIN // 2))] * 5


def test_texts_begin_where_they_begin_and_end_where_they_end() -> None:
    split = Split(torch.tensor([4, 5, 6, 6, *[5] * 99]), torch.tensor([0, 1, 1]), torch.tensor([0, 2, 4, 103]))
    found = examples_of(split, schema("text", "class", vocab=WORDS, labels=("no", "yes")))
    assert found[:2] == [{"text": "a b", "label": "no"}, {"text": "c c", "label": "yes"}]
    assert found[2]["text"].split() == ["b"] * BEGIN


def test_pairs_without_what_fills_them_up() -> None:
    split = Split(torch.tensor([[4, 5, 2, 0]]), torch.tensor([[6, 2, 0, 0]]))
    found = examples_of(split, schema("pair", "text", vocab=WORDS, target_vocab=WORDS))
    assert found == [{"source": "a b", "target": "c"}]


def test_characters_are_joined_as_they_stood() -> None:
    assert beginning(torch.tensor([1, 0]), Vocab(["a", " "], tokenization="char")) == " a"


def test_of_a_function_there_is_none() -> None:
    assert examples_of(Split(torch.zeros(0)), schema("function")) == []
