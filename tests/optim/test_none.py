"""No optimizer: whatever the gradients say, every weight stays."""

import torch

from dlrun.optim.none import Nothing


def test_it_changes_nothing() -> None:
    w = torch.nn.Parameter(torch.ones(3))
    w.grad = torch.ones(3)
    assert Nothing([w]).step() is None and w.equal(torch.ones(3))


def test_it_takes_a_model_without_weights_and_answers_what_the_closure_says() -> None:
    optim = Nothing([])
    assert optim.param_groups[0]["lr"] == 0 and optim.step(lambda: 7) == 7
