"""A point on a function: the model is where it stands."""

import re

import pytest
import torch

from dlrun.errors import UserError
from dlrun.model.point import Point


def test_it_is_where_it_stands() -> None:
    model = Point(2, start=[-5, 2.5])
    assert [*model.parameters()] == [model()] and model().tolist() == [-5.0, 2.5] and model().dtype == torch.float32
    (model() * torch.tensor([3.0, 4.0])).sum().backward()
    assert model.x.grad is not None and model.x.grad.tolist() == [3.0, 4.0]


@pytest.mark.parametrize("start", [[], [1.0], [1.0, 2.0, 3.0]])
def test_a_start_of_another_length(start: list[float]) -> None:
    with pytest.raises(UserError, match=re.escape(f"model.start={start}: the function takes 2 numbers.")):
        Point(2, start=start)
