"""Bags of n-grams as a graph: the same answer with as many places as the longest text has."""

import pytest
import torch
from torch import Tensor, nn

from dlrun.export import bags
from dlrun.model.bag import Bag
from dlrun.model.nbsvm import NBSVM


def filled(model: nn.Module) -> nn.Module:
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for each in (*model.parameters(), *model.buffers()):
            each.copy_(torch.randn(each.shape, generator=draw))
    return model.eval()


def texts() -> tuple[Tensor, Tensor]:
    """One word, repeated words, and one as long as the batch; the ids behind a text's end are none of it."""
    return torch.tensor([[3, 7, 7, 7], [5, 5, 5, 1], [1, 2, 3, 4]]), torch.tensor([1, 3, 4])


@pytest.mark.parametrize("ngrams", [1, 2, 3, 6])
@pytest.mark.parametrize("kind", [Bag, NBSVM])
def test_the_same_answers(kind: type[nn.Module], ngrams: int) -> None:
    options = {"embed": 5, "dropout": 0.5} if kind is Bag else {"smoothing": 1.0}
    model = filled(kind(9, 2, ngrams=ngrams, buckets=11, **options))
    wanted = model(*texts())
    with bags.spread(model):
        assert "forward" in vars(model)
        torch.testing.assert_close(model(*texts()), wanted)
    assert "forward" not in vars(model) and model(*texts()).equal(wanted)


def test_other_models_stay_as_they_are() -> None:
    model = nn.Linear(2, 3)
    with bags.spread(model):
        assert "forward" not in vars(model)
