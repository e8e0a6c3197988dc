"""GloVe: its answer is a product and two biases, its vectors are the sum of both tables."""

import torch
from torch import Tensor

from dlrun.model.glove import GloVe


def answered() -> tuple[GloVe, Tensor]:
    torch.manual_seed(0)
    model = GloVe(5, embed=4)
    return model, model(torch.arange(5), torch.tensor([1, 2, 3, 4, 0]))


def test_shape_and_gradients() -> None:
    model, answer = answered()
    assert answer.shape == (5,)
    (answer * torch.randn(5)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert (parameter.grad.abs().sum(1) > 0).all(), name


def test_an_answer_is_a_product_and_two_biases() -> None:
    model, answer = answered()
    product = model.centre.weight[2] @ model.context.weight[3]
    torch.testing.assert_close(answer[2], (product + model.centre_bias.weight[2] + model.context_bias.weight[3]).sum())


def test_vectors_are_the_sum_of_both() -> None:
    model, _ = answered()
    assert model.word_vectors().equal(model.centre.weight + model.context.weight)
