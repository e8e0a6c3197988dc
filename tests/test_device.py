"""Devices: which there are, what training on a CPU does with memory, random states, what torch does not compile."""

import platform
import random
import resource
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from dlrun import device
from dlrun.errors import UserError


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is told what to keep")
def test_freed_memory_is_kept_for_the_next_step() -> None:
    device.choose(name="cpu", precision="fp32", deterministic=False).prepare()
    size = 40 * 2**20  # above glibc's largest threshold of its own, 32 MiB

    def step() -> None:
        torch.empty(size, dtype=torch.uint8).fill_(1)

    for _ in range(20):
        step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        step()
    taken = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize()
    assert taken < size


def test_a_config_is_checked_without_changing_anything() -> None:
    """Of torch's global state: `dlrun -m` checks hundreds of configs in the process that then forks its workers."""
    before = torch.get_deterministic_debug_mode(), torch.backends.cudnn.benchmark
    chosen = device.choose(name="cpu", precision="fp32", deterministic=True)
    assert (torch.get_deterministic_debug_mode(), torch.backends.cudnn.benchmark) == before
    try:
        chosen.prepare()
        assert torch.get_deterministic_debug_mode() == 2 and not torch.backends.cudnn.benchmark
    finally:
        device.choose(name="cpu", precision="fp32", deterministic=False).prepare()


def test_a_device_that_is_not_there_is_a_mistake() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(UserError, match="^device=cuda: this machine has none. Possible: auto, cpu.$"):
        device.choose(name="cuda", precision="fp32", deterministic=False)
    with pytest.raises(
        UserError, match="^device.precision=fp16 needs a GPU. On a CPU type device.precision=bf16 or fp32"
    ):
        device.choose(name="cpu", precision="fp16", deterministic=False)
    assert str(device.choose(name="auto", precision="bf16", deterministic=False)) == "cpu bf16"


def drawn() -> list[float]:
    return [random.random(), float(np.random.rand()), float(torch.rand(())), random.gauss(), float(np.random.randn())]


def test_all_that_draws_goes_on_where_it_stood() -> None:
    """Also after a half-used pair of normal numbers, and through a file that nothing is executed of."""
    before = device.rng_state()
    try:
        device.seed_everything(-3)  # numpy takes no negative seed
        first = drawn()
        state = device.rng_state()
        wanted = drawn()
        device.set_rng_state(state)
        assert drawn() == wanted != first
        device.seed_everything(-3)
        assert drawn() == first
    finally:
        device.set_rng_state(before)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (nn.Sequential(nn.GRU(3, 3), nn.GRU(3, 3), nn.Linear(3, 3)), "nn.GRU"),
        (nn.Sequential(nn.LSTM(3, 3), nn.RNN(3, 3)), "nn.LSTM and nn.RNN"),
        (nn.LSTMCell(3, 3), ""),
    ],
)
def test_what_is_not_compiled(model: nn.Module, said: str) -> None:
    assert device.not_compiled(model) == said


@pytest.mark.slow
@pytest.mark.parametrize("cell", [nn.RNN, nn.GRU, nn.LSTM])
def test_torch_still_passes_over_them(cell: Any) -> None:
    """Once it doesn't, trainer.compile's word for it goes."""
    graphs = []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(str(graph.graph))
        return graph.forward

    net = nn.Sequential(nn.Embedding(5, 3), cell(3, 3))
    torch.compile(net, backend=backend)(torch.tensor([[1, 2]]))
    assert not any(cell.__name__.lower() in graph for graph in graphs)
