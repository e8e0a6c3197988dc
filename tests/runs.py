"""What a test reads of a run's folder, and the type of the fixture `cli`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml

Cli = Callable[..., tuple[int, str, str]]  # dlrun's arguments -> exit code, stdout, stderr


class Run:
    """Read when it is asked for: the run may go on in between."""

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.folder / "summary.json").read_text())

    @property
    def config(self) -> dict[str, Any]:
        return yaml.safe_load((self.folder / "config.yaml").read_text())

    @property
    def metrics(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text().splitlines()]

    @property
    def numbers(self) -> list[dict[str, Any]]:
        """The metrics without what a clock says: the same for the same run."""
        return [
            {tag: value for tag, value in line.items() if tag != "time_s" and not tag.startswith("speed/")}
            for line in self.metrics
        ]

    @property
    def step(self) -> int:
        """The last one that is logged in whole, of a run that may be at it; 0: none is."""
        path = self.folder / "metrics.jsonl"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return json.loads(lines[-1])["step"] if lines else 0

    def state(self, checkpoint: str = "last") -> dict[str, Any]:
        """All that a checkpoint holds."""
        return torch.load(self.folder / f"checkpoints/{checkpoint}.pt", weights_only=True)

    def weights(self, checkpoint: str = "last") -> dict[str, torch.Tensor]:
        return self.state(checkpoint)["model"]


def alike(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """To the bit."""
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())
