"""Columns, classes, numbers and duplicates, measured in a dataset's tensors."""

from typing import Any

import torch

from dlrun.data.base import Data, Overview, Schema, Split
from dlrun.describe.measure import MOST_COLUMNS, Class, Number, classes_of, columns_of, numbers_of, twice_in
from dlrun.tabular.columns import Column, Seen


def table(train: list, val: list | None = None, y: Any = None, **more: Any) -> Data:
    x = torch.tensor(train, dtype=torch.float32)
    schema = Schema({"in_features": x.shape[1], "outputs": 1}, "table", "number", columns=more.pop("columns", None))
    held = None if val is None else Split(torch.tensor(val, dtype=torch.float32))
    return Data(Split(x, y), held, None, schema, **more)


def test_columns_without_names_are_those_of_all_parts_by_their_place() -> None:
    first, second = columns_of(table([[1, 5], [2, 5]], [[6, 5]]))
    assert first == Seen("x1", "number", different=3, low=1, mean=3, high=6)
    assert (second.name, second.different) == ("x2", 1)
    assert columns_of(table([[0.0] * (MOST_COLUMNS + 1)])) == []


def test_a_column_that_was_seen_but_never_changes_in_training_is_left_out() -> None:
    seen = (Seen("a", "number"), Seen("b", "number"), Seen("id", None, left_out="all different"))
    data = table([[1]], columns=(Column("a", "number"),), overview=Overview(columns=seen))
    assert [each.left_out for each in columns_of(data)] == [
        "",
        "always the same in the training part",
        "all different",
    ]


def parts(train: list[int], val: list[int]) -> dict[str, Split]:
    return {name: Split(torch.zeros(len(y), 1), torch.tensor(y)) for name, y in (("train", train), ("val", val))}


def test_classes_are_counted_in_each_part_the_most_frequent_first() -> None:
    schema = Schema({"in_features": 1, "outputs": 3}, "table", "class", labels=("a", "b", "c"))
    assert classes_of(parts([1, 1, 0], [1]), schema) == [
        Class("b", 3, 0.75, {"train": 2, "val": 1}),
        Class("a", 1, 0.25, {"train": 1, "val": 0}),
        Class("c", 0, 0.0, {"train": 0, "val": 0}),
    ]


def test_numbers_that_are_predicted() -> None:
    splits = {"train": Split(torch.zeros(2, 1), torch.tensor([[1.0, 10.0], [2.0, 30.0]]))}
    several = Schema({"in_features": 1, "outputs": 2}, "table", "number", target="price")
    assert numbers_of(splits, several) == [Number("price1", 1, 1.5, 2), Number("price2", 10, 20, 30)]
    alone = {"train": Split(torch.zeros(1, 1), torch.tensor([[4.0]]))}
    assert numbers_of(alone, Schema({"in_features": 1, "outputs": 1}, "table", "number")) == [Number("y", 4, 4, 4)]


def test_rows_that_are_trained_on_too_are_counted() -> None:
    schema = Schema({"in_features": 2, "outputs": 1}, "table", "number")
    train, val = Split(torch.tensor([[1.0, 2], [3, 4]])), Split(torch.tensor([[3.0, 4], [4, 3], [3, 4]]))
    assert twice_in({"train": train, "val": val}, schema) == {"val": 2}


def test_texts_and_pairs_are_compared_without_what_fills_them_up() -> None:
    texts = Schema({"outputs": 2}, "text", "class")
    train = Split(torch.tensor([1, 2, 3]), torch.tensor([0, 1]), torch.tensor([0, 2, 3]))
    val = Split(torch.tensor([3, 2, 1, 2]), torch.tensor([0, 1, 0]), torch.tensor([0, 1, 2, 4]))
    assert twice_in({"train": train, "val": val}, texts) == {"val": 2}
    pairs = {"train": Split(torch.tensor([[5, 2, 0, 0]])), "test": Split(torch.tensor([[5, 2], [6, 2]]))}
    assert twice_in(pairs, Schema({"target_len": 2}, "pair", "text")) == {"test": 1}


def test_of_streams_and_mapped_files_nothing_is_counted() -> None:
    stream = Split(torch.arange(9), offsets=torch.tensor([0, 9]))
    assert twice_in({"train": stream, "val": stream}, Schema({}, "text")) is None
    schema = Schema({"in_features": 2, "outputs": 1}, "table", "number")
    assert twice_in({"train": Split(torch.zeros(2, 2), mapped=True)}, schema) is None
