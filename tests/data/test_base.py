"""What every dataset answers with: a schema that lies in every checkpoint, parts, and how rows are held out."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from dlrun.data.base import Scale, Schema, Split, grouped, held_out, shuffled, stratified
from dlrun.errors import UserError
from dlrun.tabular.columns import Column
from dlrun.text.vocab import Vocab

NUMBER = Column("area", "number", fill=2.5)
TOWN = Column("town", "category", categories=("a", "b"))


def schema() -> Schema:
    scale = Scale(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 5.0, 6.0]))
    return Schema(
        {"in_features": 3, "outputs": 2},
        "table",
        "class",
        labels=("no", "yes"),
        columns=(NUMBER, TOWN),
        target="sold",
        x_scale=scale,
    )


def test_a_schema_comes_back_from_a_checkpoint(tmp_path: Any) -> None:
    texts = Schema({"vocab_size": 2}, "text", vocab=Vocab("ab", tokenization="char"), column="body")
    for made in (schema(), texts, Schema({}, "function")):
        torch.save(made.state_dict(), tmp_path / "a.pt")
        again = Schema.from_state_dict(torch.load(tmp_path / "a.pt", weights_only=True), "a.pt")
        for name in ("sizes", "inputs", "targets", "labels", "columns", "target", "column", "fit"):
            assert getattr(again, name) == getattr(made, name)
        assert (again.vocab is None) == (made.vocab is None) and (again.x_scale is None) == (made.x_scale is None)
        if made.x_scale and again.x_scale:
            assert again.x_scale.mean.equal(made.x_scale.mean) and again.x_scale.std.equal(made.x_scale.std)


@pytest.mark.parametrize(
    ("inputs", "targets", "sizes", "needed"),
    [
        ("table", None, {}, "in_features"),
        ("image", None, {"in_channels": 1, "height": 2}, "width"),
        ("pair", "text", {"source_vocab_size": 5}, "target_len"),
        ("text", "class", {"vocab_size": 5}, "outputs"),
    ],
)
def test_a_kind_needs_its_sizes(inputs: Any, targets: Any, sizes: dict[str, int], needed: str) -> None:
    with pytest.raises(UserError, match=f"A schema of inputs='{inputs}' needs the size {needed}."):
        Schema(sizes, inputs, targets)


WRONG: dict[str, dict[str, Any]] = {
    "no size": {"sizes": {"in_features": 0, "outputs": 2}},
    "a true size": {"sizes": {"in_features": True, "outputs": 2}},
    "a size beyond memory": {"sizes": {"in_features": 2**40, "outputs": 2}},
    "columns of other widths": {"sizes": {"in_features": 4, "outputs": 2}},
    "a column of no kind": {"columns": [{"name": "a", "kind": "thing"}]},
    "a gap that is no number": {"columns": [{"name": "a", "kind": "number", "fill": math.nan}]},
    "a form of dates that is not tried": {"columns": [{"name": "a", "kind": "date", "form": "%Y %s"}]},
    "labels for other outputs": {"labels": ("a", "b", "c")},
    "scales of two shapes": {"x_scale": (torch.zeros(3), torch.ones(2))},
    "a scale that is no tensor": {"x_scale": (1.0, 2.0)},
    "no way to bring a picture to its size": {"fit": "bend"},
    "a vocabulary that is none": {"vocab": "{}"},
    "sizes that are none": {"sizes": [1, 2]},
}


@pytest.mark.parametrize("what", WRONG)
def test_a_strangers_schema_is_checked(what: str) -> None:
    with pytest.raises(UserError, match=r"^runs/x has no schema that can be read"):
        Schema.from_state_dict(schema().state_dict() | WRONG[what], "runs/x")


def test_what_is_no_schema_or_of_a_newer_version() -> None:
    states: tuple[Any, ...] = (None, [], {"version": 1})
    for state in states:
        with pytest.raises(UserError, match=r"runs/x has no schema that can be read"):
            Schema.from_state_dict(state, "runs/x")
    with pytest.raises(UserError, match="The schema of runs/x"):
        Schema.from_state_dict(schema().state_dict() | {"version": 99}, "runs/x")


def test_a_scale_is_undone() -> None:
    scale = Scale(torch.tensor(100.0), torch.tensor(50.0))
    assert scale.apply(torch.tensor([0, 200], dtype=torch.uint8)).tolist() == [-2, 2]
    assert scale.undo(torch.tensor([-2.0, 2.0])).tolist() == [0, 200]


def test_a_split_counts_examples_texts_and_rows() -> None:
    x = torch.arange(12)
    assert len(Split(x)) == 12 and len(Split(x, offsets=torch.tensor([0, 5, 5, 12]))) == 3
    rows = Split(x, rows=torch.tensor([7, 3]))
    assert len(rows) == 2 and rows.examples(torch.tensor([1, 0, 1])).tolist() == [3, 7, 3]
    moved = rows.to(torch.device("meta"))
    assert moved.x is x and moved.rows is rows.rows  # a mapped file stays where it is
    assert Split(x, torch.arange(12), mapped=True).to(torch.device("cpu")).mapped


def test_a_part_asks_for_its_place_in_the_file() -> None:
    asked: list[tuple[Sequence[int], int]] = []

    def ask(begins: Sequence[int], count: int) -> None:
        asked.append((begins, count))

    chosen, pictures = torch.tensor([1, 0]), torch.zeros(9, 3, 2, 2, dtype=torch.uint8)
    Split(pictures, rows=torch.tensor([7, 3]), read_ahead=ask).prefetch(chosen)
    text = torch.arange(50).split([30, 20])[1]
    part = Split(text, offsets=torch.tensor([0, 20]), mapped=True, read_ahead=ask)
    part.to(torch.device("cpu")).prefetch(chosen, 5)
    assert asked == [([3 * 12, 7 * 12], 12), ([31, 30], 5)]
    part.to(torch.device("meta")).prefetch(chosen)  # a copy elsewhere: the file has no more to say
    Split(text).prefetch(chosen)
    assert len(asked) == 2


# rows that are held out


def parts_of(found: tuple[Tensor, Tensor, Tensor], count: int) -> list[list[int]]:
    """All rows are in one part, each once."""
    parts = [part.tolist() for part in found]
    assert sorted(row for part in parts for row in part) == list(range(count))
    return parts


@pytest.mark.parametrize(
    ("count", "val", "test", "lengths"), [(10, 0.1, 0.2, [7, 1, 2]), (7, 0.0, 0.0, [7, 0, 0]), (3, 0.2, 0.2, [1, 1, 1])]
)
def test_fractions_are_rounded(count: int, val: float, test: float, lengths: list[int]) -> None:
    assert [len(part) for part in parts_of(held_out(torch.arange(count), val, test), count)] == lengths


def test_the_seed_alone_decides_the_order() -> None:
    assert shuffled(20, 3).equal(shuffled(20, 3)) and not shuffled(20, 3).equal(shuffled(20, 4))
    assert shuffled(20, 3).sort().values.equal(torch.arange(20))


def test_nothing_left_to_train_on() -> None:
    for divide in (
        lambda: held_out(torch.arange(4), 0.5, 0.5),
        lambda: stratified(torch.tensor([0] * 3 + [1] * 3), 0.5, 0.5, 0),
        lambda: grouped(torch.tensor([0, 1]), 0.5, 0.5, 0),
    ):
        with pytest.raises(UserError, match="The held-out fractions leave nothing"):
            divide()


def test_a_class_has_its_share_in_each_part() -> None:
    y = torch.tensor([0] * 60 + [1] * 30 + [2] * 10)
    parts = parts_of(stratified(y, 0.1, 0.2, seed=5), 100)
    assert [torch.bincount(y[part]).tolist() for part in parts] == [[42, 21, 7], [6, 3, 1], [12, 6, 2]]
    assert parts != parts_of(stratified(y, 0.1, 0.2, seed=6), 100)


def test_a_rare_class_is_trained_on_whole() -> None:
    y = torch.tensor([0] * 20 + [1, 1])
    train, val, test = parts_of(stratified(y, 0.2, 0.2, seed=0), 22)
    assert {20, 21} <= {*train} and len(val) == len(test) == 4


def test_no_group_is_in_two_parts() -> None:
    groups = torch.arange(200) % 17
    parts = parts_of(grouped(groups, 0.2, 0.3, seed=1), 200)
    of = [{*groups[part].tolist()} for part in parts]
    assert not (of[0] & of[1] or of[0] & of[2] or of[1] & of[2])
    assert 20 <= len(parts[1]) <= 40 and 45 <= len(parts[2]) <= 60  # never more than was asked for


def test_too_few_groups() -> None:
    with pytest.raises(UserError, match=r"There are too few groups, 2, for data.val=0.1 and data.test=0.1."):
        grouped(torch.tensor([0] * 50 + [1] * 50), 0.1, 0.1, 0)
