"""First weights: what each rule fills, and how; what it leaves alone."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dlrun import init
from dlrun.model.lenet import LeNet
from dlrun.model.mlp import MLP
from dlrun.model.rnn import GRU, LSTM
from dlrun.model.scratch_linear import ScratchMLP
from dlrun.model.scratch_rnn import ScratchGRU

TEXT: dict[str, Any] = {"embed": 24, "hidden": 24, "layers": 2, "dropout": 0.0, "tied": False, "bidirectional": False}


def mlp(hidden: int = 300, batch_norm: bool = False) -> MLP:
    torch.manual_seed(0)
    return MLP(200, 100, hidden=[hidden], activation="tanh", batch_norm=batch_norm, dropout=0.0)


def first(model: nn.Module) -> Tensor:
    return next(layer.weight for layer in model.modules() if isinstance(layer, nn.Linear))


def copied(model: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach().clone() for name, parameter in model.named_parameters()}


def test_default_leaves_everything_and_draws_nothing() -> None:
    model = mlp()
    before, state = copied(model), torch.get_rng_state()
    init.default(model)
    assert all(parameter.equal(before[name]) for name, parameter in model.named_parameters())
    assert torch.get_rng_state().equal(state)


def test_spreads() -> None:
    model = mlp()
    init.normal(model, sigma=0.02)
    assert first(model).std().item() == pytest.approx(0.02, rel=0.03)
    init.xavier(model, gain=1.0)
    bound = math.sqrt(6 / 500)
    assert 0.99 * bound < first(model).abs().max().item() <= bound
    assert first(model).std().item() == pytest.approx(bound / math.sqrt(3), rel=0.03)
    init.he(model)
    assert first(model).std().item() == pytest.approx(math.sqrt(2 / 200), rel=0.03)
    assert not any(layer.bias.any() for layer in model.modules() if isinstance(layer, nn.Linear))


def test_orthogonal() -> None:
    model = mlp()
    init.orthogonal(model, gain=2.0)
    w = first(model)  # (300, 200): its columns stand at right angles
    torch.testing.assert_close(w.T @ w, 4 * torch.eye(200), rtol=0, atol=1e-4)


def test_he_counts_a_kernel_s_pixels_too() -> None:
    layer = nn.Conv2d(16, 64, 5)
    init.he(layer)
    assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / (16 * 25)), rel=0.03)
    assert layer.bias is not None and not layer.bias.any()


def test_written_out_matrices_are_inputs_by_outputs() -> None:
    model = ScratchMLP(400, 10, hidden=[50], dropout=0.0, std=0.01)
    init.he(model)
    assert model.w[0].std().item() == pytest.approx(math.sqrt(2 / 400), rel=0.03)
    rnn = ScratchGRU(30, **TEXT, reset="before")
    init.orthogonal(rnn, gain=1.0)
    matrices = {name: p for name, p in rnn.named_parameters() if ".W_h" in name}
    assert len(matrices) == 6
    for name, w in matrices.items():
        torch.testing.assert_close(w @ w.T, torch.eye(24), rtol=0, atol=1e-5, msg=name)


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_each_gate_by_itself(kind: type[nn.Module]) -> None:
    model = kind(30, **TEXT)
    table = model.embedding.weight.detach().clone()  # type: ignore[union-attr,operator]
    init.orthogonal(model, gain=1.0)
    for name, w in model.named_parameters():
        if "weight_hh" in name:
            for gate in w.split(24):
                torch.testing.assert_close(gate @ gate.T, torch.eye(24), rtol=0, atol=1e-5)
        if "bias" in name:
            assert not w.any(), name
    assert model.embedding.weight.equal(table)  # type: ignore[union-attr,arg-type,operator]


def test_tied_tables_and_norms_stay() -> None:
    model = LSTM(30, **(TEXT | {"tied": True}))
    table = model.output.weight.detach().clone()
    init.constant(model, value=0.1)
    assert model.output.weight.equal(table) and model.output.weight is model.embedding.weight
    normed = mlp(batch_norm=True)
    init.constant(normed, value=0.1)
    norm = next(layer for layer in normed.modules() if isinstance(layer, nn.BatchNorm1d))
    assert norm.weight.eq(1).all() and first(normed).eq(0.1).all()


def test_attention_has_three_matrices_in_one() -> None:
    layer = nn.MultiheadAttention(16, 2)
    init.orthogonal(layer, gain=1.0)
    assert layer.in_proj_weight is not None
    for w in (*layer.in_proj_weight.chunk(3), layer.out_proj.weight):
        torch.testing.assert_close(w @ w.T, torch.eye(16), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["normal", "xavier", "he", "orthogonal", "constant"])
def test_every_matrix_of_a_model_is_filled(name: str) -> None:
    options: dict[str, Any] = {"normal": {"sigma": 0.1}, "constant": {"value": 0.1}, "he": {}}
    rule = getattr(init, name)
    lenet = LeNet(1, 28, 28, 10, activation="relu", pool="max", batch_norm=False, dropout=0.0)
    for model in (lenet, ScratchMLP(20, 5, hidden=[8], dropout=0.0, std=0.01)):
        before = copied(model)
        rule(model, **options.get(name, {"gain": 1.0}))
        for key, parameter in model.named_parameters():
            assert not parameter.equal(before[key]) or not parameter.any(), key


# why a constant is no good start


def trained(rule: Any, **options: Any) -> MLP:
    """Twenty steps on a task that needs different units."""
    model = mlp(hidden=7)
    rule(model, **options)
    x = torch.randn(64, 200, generator=torch.Generator().manual_seed(1))
    y = (x[:, :5].sum(1) > 0).long() + 2 * (x[:, 5] > 0)
    optim = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(20):
        optim.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optim.step()
    return model


def test_symmetry_never_breaks() -> None:
    """Hidden units that begin alike end alike: a layer of seven is worth a layer of one."""
    start = mlp(hidden=7)
    init.constant(start, value=0.1)
    w = first(trained(init.constant, value=0.1))
    assert not w.allclose(first(start), atol=1e-3)  # it did train
    torch.testing.assert_close(w, w[:1].expand_as(w), rtol=0, atol=1e-6)
    torch.manual_seed(0)
    other = first(trained(init.normal, sigma=0.1))
    assert (other - other[:1]).abs().max() > 0.1
