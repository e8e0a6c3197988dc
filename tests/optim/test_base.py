"""What an optimizer may be asked for: the weights that an evaluation looks at, and to hear of it."""

import torch

from dlrun.optim.asgd import ASGD
from dlrun.optim.base import AveragedWeights, EvaluationAware, judged
from dlrun.optim.scratch import SGD


def weight() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.zeros(1))


def test_only_who_has_other_weights_is_judged_by_them() -> None:
    """Of the steps to -1 and -2 the mean is -1.5."""
    x, y = weight(), weight()
    mean, plain = ASGD([x], "min", lr=1.0, weight_decay=0.0, start=0, patience=1), SGD([y], lr=1.0)
    for optim, each in ((mean, x), (plain, y)):
        for _ in range(2):
            each.grad = torch.ones(1)
            optim.step()
    with judged(mean), judged(plain):
        assert (x.item(), y.item()) == (-1.5, -2.0)
    assert (x.item(), y.item()) == (-2.0, -2.0)


def test_who_wants_to_hear_of_evaluations_says_so_by_its_methods() -> None:
    mean = ASGD([weight()], "min", lr=1.0, weight_decay=0.0, start=None, patience=1)
    assert isinstance(mean, AveragedWeights) and isinstance(mean, EvaluationAware)
    plain = SGD([weight()], lr=1.0)
    assert not isinstance(plain, AveragedWeights) and not isinstance(plain, EvaluationAware)
