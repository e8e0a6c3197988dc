"""The mean of the weights is torch's, it is what is evaluated, and a resumed run has the same."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from dlrun.cli import exit_code
from dlrun.optim.asgd import ASGD


def walk(start: int) -> tuple[nn.Parameter, ASGD, list[torch.Tensor]]:
    """Six steps on fixed gradients, and the weights after each."""
    draw = torch.Generator().manual_seed(0)
    w = nn.Parameter(torch.ones(3))
    optim = ASGD([w], lr=0.5, weight_decay=0.1, start=start)
    seen = []
    for _ in range(6):
        w.grad = torch.randn(3, generator=draw)
        optim.step()
        seen.append(w.detach().clone())
    return w, optim, seen


def test_the_mean_begins_after_start_and_is_lent_only() -> None:
    w, optim, seen = walk(start=2)
    with pytest.raises(ValueError, match="on purpose"), optim.averaged():
        torch.testing.assert_close(w.detach(), torch.stack(seen[2:]).mean(0))
        raise ValueError("on purpose")
    assert w.equal(seen[-1])  # and comes back whatever happens in between


def test_before_start_there_is_no_mean() -> None:
    w, optim, seen = walk(start=6)
    with optim.averaged():
        assert w.equal(seen[-1])


def test_torch_has_the_same_mean() -> None:
    _, optim, _ = walk(start=2)
    draw = torch.Generator().manual_seed(0)
    w = nn.Parameter(torch.ones(3))
    # t0 one less: torch uses the share of the step before
    other = torch.optim.ASGD([w], lr=0.5, lambd=0, alpha=0, t0=1, weight_decay=0.1)
    for _ in range(6):
        w.grad = torch.randn(3, generator=draw)
        other.step()
    mine = optim.state[optim.param_groups[0]["params"][0]]["mean"]
    torch.testing.assert_close(other.state[w]["ax"], mine)


def test_a_run_keeps_the_mean_as_its_best_and_resumes_to_the_same_bits(tmp_path: Path) -> None:
    common = ["data=airfoil", "stand_in=always", "device=cpu", "optim=asgd", "optim.lr=0.05", "optim.start=10"]
    common += ["trainer.epochs=2"]
    assert exit_code([*common, f"folder={tmp_path}/whole"]) == 0
    assert exit_code([*common, "trainer.max_steps=9", f"folder={tmp_path}/halves"]) == 0
    assert exit_code(["resume", f"{tmp_path}/halves", "trainer.max_steps=14"]) == 0
    assert exit_code(["resume", f"{tmp_path}/halves", "trainer.max_steps=null"]) == 0
    read = {
        (run, name): torch.load(tmp_path / run / f"checkpoints/{name}.pt", weights_only=True)
        for run in ("whole", "halves")
        for name in ("last", "best")
    }
    last, best = read["whole", "last"], read["whole", "best"]
    means = [memory["mean"] for memory in best["optim"]["state"].values()]
    for weight, mean, steered in zip(best["model"].values(), means, last["model"].values(), strict=True):
        assert weight.equal(mean) and not weight.equal(steered)
    for weight, other in zip(last["model"].values(), read["halves", "last"]["model"].values(), strict=True):
        assert weight.equal(other)
    summaries = [json.loads((tmp_path / run / "summary.json").read_text()) for run in ("whole", "halves")]
    assert summaries[0]["metrics"]["test/loss"] == summaries[1]["metrics"]["test/loss"]
