"""trainer.compile=true: what torch's compiler passes over is said."""

from typing import Any

import pytest
import torch
from runs import Cli
from torch import nn

SHORT = ["trainer.max_steps=1", "trainer.limit_batches=1", "stand_in=always", "device=cpu", "trainer.compile=true"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "name"),
    [(["model=gru"], "nn.GRU"), (["model=lstm"], "nn.LSTM"), (["model=scratch_gru"], None)],
)
def test_a_model_that_is_not_compiled_says_so(cli: Cli, arguments: list[str], name: str | None) -> None:
    import torch._dynamo

    with torch._dynamo.config.patch(disable=True):  # the compiler itself would take half a minute
        code, _, err = cli(*arguments, *SHORT)
    assert code == 0, err
    said = " ".join(err.split())
    line = f"trainer.compile=true makes nothing faster here: torch's compiler leaves {name} as they are."
    assert (line in said) if name else ("compile" not in said)


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
