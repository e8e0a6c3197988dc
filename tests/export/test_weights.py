"""Weights as safetensors: those that are one appear once."""

import json
from collections.abc import Callable
from pathlib import Path

import safetensors.torch
import torch
from export.asked import alone
from runs import Cli, Run, alike
from torch import nn

from dlrun.export import weights


def test_tied_weights_are_held_once(made: Callable[[str], Path], cli: Cli) -> None:
    run = made("tied")
    code, out, err = cli("export", str(run), "--to", "safetensors", "--check", "--output", "out", "--json")
    assert code == 0 and json.loads(out)["check"]["largest"] == 0, err
    found = safetensors.torch.load_file("out/model.safetensors")
    schema, config = (json.loads(Path("out", name).read_text()) for name in ("schema.json", "config.json"))
    assert schema["tied"] == {"output.weight": "embedding.weight"} and "output.weight" not in found
    assert alike(found | {"output.weight": found["embedding.weight"]}, Run(run).weights("best"))
    assert config["model"]["hidden"] == 8 and config["choices"]["model"] == "rnn" and "folder" not in config
    assert "output.weight float32 (41, 8)" in alone(Path("out"))


class Odd(nn.Module):
    """A view of another weight, two empty ones, a scalar, and one whose numbers do not lie in a row."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.arange(6.0).view(2, 3))
        self.first_row = nn.Parameter(self.table.data[0])
        self.turned = nn.Parameter(torch.arange(6.0).view(2, 3).T)
        self.register_buffer("none", torch.zeros(0))
        self.register_buffer("nothing", torch.zeros(0))
        self.register_buffer("steps", torch.tensor(3))
        self.again = self.table


def test_it_comes_back_to_the_bit() -> None:
    model = Odd()
    file, tied = weights.content(model)
    assert tied == {"again": "table"}
    assert alike(weights.opened(file, tied), model.state_dict())
