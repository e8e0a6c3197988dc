"""What every task has in common: batches that can begin anywhere, an order of its own, and examples read one by one."""

import pytest
import torch
from torch import Tensor

from dlrun.data.base import Data, Schema, Split
from dlrun.errors import UserError
from dlrun.task.base import Batches, Example, Task, generator, in_column, in_place, read_each

TEXT = Schema({"vocab_size": 5, "outputs": 2}, "text", "class")


def task(count: int = 50) -> Task:
    split = Split(torch.arange(count).unsqueeze(1), torch.zeros(count, 1))
    made = Task(Schema({"in_features": 1, "outputs": 1}, "table", "number"))
    made.attach(Data(split, split, None, made.schema))
    return made


def test_batches_from_the_middle_are_counted_from_the_start() -> None:
    made: list[int] = []
    rest = Batches(lambda index: made.append(index) or index * 10, 5, start=3)  # type: ignore[func-returns-value]
    assert len(rest) == 5 and made == []  # none is made before it is asked for
    assert list(rest) == [30, 40] and made == [3, 4] and list(rest) == [30, 40]


def test_the_next_batch_is_fetched_while_the_model_is_at_this_one() -> None:
    done: list[str] = []
    batches = Batches(lambda index: done.append(f"made {index}"), 5, 3, lambda index: done.append(f"fetched {index}"))
    for _ in batches:
        done.append("trained")
    assert done == ["fetched 3", "made 3", "fetched 4", "trained", "made 4", "trained"]


def test_neighbouring_seeds_and_epochs_share_no_stream() -> None:
    places = [(seed, epoch) for seed in range(20) for epoch in range(20)]
    drawn = {place: torch.randint(2**40, (), generator=generator(*place)).item() for place in places}
    assert len(set(drawn.values())) == len(places)
    assert torch.rand(3, generator=generator(7, 1)).equal(torch.rand(3, generator=generator(7, 1)))
    assert not torch.rand(3, generator=generator(7)).equal(torch.rand(3, generator=generator(7, 0)))


def test_only_training_is_shuffled_each_pass_anew() -> None:
    made = task()
    order = made.order("train", seed=1, epoch=0)
    assert order.sort().values.equal(torch.arange(50)) and not order.equal(torch.arange(50))
    assert order.equal(made.order("train", seed=1, epoch=0)) and not order.equal(made.order("train", seed=1, epoch=1))
    assert made.order("val", seed=1, epoch=0).equal(torch.arange(50))


def test_it_has_the_parts_that_there_are_and_offers_the_sizes_of_the_schema() -> None:
    made = task(7)
    assert list(made.splits) == ["train", "val"] and made.capacity() == 7 and made.size("in_features") == 1
    made.sizes["more"] = 5
    assert "more" not in made.schema.sizes


def test_each_example_is_read_by_itself() -> None:
    def read(example: Example) -> Tensor:
        if example == "bad":
            raise UserError("It is bad.")
        return torch.tensor(len(example))

    found, problems = read_each(["a", "bad", "ccc"], read)
    assert [each.item() for each in found] == [1, 3] and problems == {1: "It is bad."}
    first, wrong, last = in_place(3, [[("a", 1.0)], [("b", 0.5)]], problems)
    assert (first, last) == ([("a", 1.0)], [("b", 0.5)]) and isinstance(wrong, UserError) and str(wrong) == "It is bad."


@pytest.mark.parametrize(
    ("column", "example", "found"),
    [
        (None, "typed", "typed"),
        (None, {"any": 5}, "5"),
        ("body", {"label": "x", "body": "text"}, "text"),
    ],
)
def test_the_column_of_an_example(column: str | None, example: Example, found: str) -> None:
    assert in_column(example, Schema(TEXT.sizes, "text", "class", column=column)) == found


@pytest.mark.parametrize(
    ("column", "example", "said"),
    [
        (None, {"a": "1", "b": "2"}, "Which column is it? Give one alone. There are: a, b."),
        ("body", {"body": None}, "There is no body."),
        ("body", {"bdy": "text"}, "There is no body. Did you mean bdy? Possible: bdy."),
    ],
)
def test_an_example_without_its_column(column: str | None, example: Example, said: str) -> None:
    with pytest.raises(UserError) as error:
        in_column(example, Schema(TEXT.sizes, "text", "class", column=column))
    assert str(error.value) == said
