"""All of conf/optim and conf/scheduler alike, and so no single module's: each can be built as it stands, and trains."""

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch.optim import Optimizer

from dlrun.config.bind import Spec, locate, make_spec

CONF = Path(__file__).parents[2] / "conf"
SCRATCH = ("adadelta", "adagrad", "adam", "adamw", "momentum", "rmsprop", "sgd")
LEFT: dict[str, tuple[dict[str, Any], float]] = {  # what is changed, the share of the first loss that may be left
    **{name: ({}, 0.5) for each in SCRATCH for name in (each, f"scratch_{each}")},
    "nesterov": ({}, 0.5),
    "muon": ({}, 0.5),
    "asgd": ({"lr": 0.1}, 0.5),  # its own lr is for a language model with clipped gradients
    "newton": ({}, 1e-9),
    "none": ({}, 1.0),
}
SCHEDULERS = ("constant", "cosine", "linear", "onecycle", "plateau", "step")


def read(group: str, name: str) -> dict[str, Any]:
    return yaml.safe_load((CONF / group / f"{name}.yaml").read_text(encoding="utf-8"))


def planned(group: str, name: str, **changes: Any) -> Spec:
    node = read(group, name) | changes
    for key in ("every", "warmup"):
        node.pop(key, None)
    return make_spec(group, node, locate(group, node["_target_"]))


def test_all_choices_are_here() -> None:
    assert {path.stem for path in (CONF / "optim").glob("*.yaml")} == set(LEFT)
    assert {path.stem for path in (CONF / "scheduler").glob("*.yaml")} == set(SCHEDULERS)


@pytest.mark.parametrize("name", LEFT)
def test_defaults_train(name: str) -> None:
    """Least squares in 8 dimensions: the loss falls in each stretch of 100 steps, and never bursts."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(64, 8, generator=generator)
    y = x @ torch.randn(8, 1, generator=generator) * 0.2

    def objective(w: torch.Tensor) -> torch.Tensor:
        return (x @ w.view(8, 1) - y).square().mean()

    model = torch.nn.Linear(8, 1, bias=False)
    weights = model.weight if name != "newton" else torch.nn.Parameter(torch.empty(8))
    torch.nn.init.zeros_(weights)
    changes, left = LEFT[name]
    made = planned("optim", name, **changes)
    optim: Optimizer = made(params=[weights], model=model, objective=objective, mode="min")
    losses = []
    for _ in range(300):
        optim.zero_grad()
        loss = objective(weights)
        loss.backward()
        optim.step()
        losses.append(loss.item())
    if name == "none":
        assert set(losses) == {losses[0]}
        return
    assert losses[0] > losses[99] > losses[199] or losses[199] < 1e-9
    assert losses[-1] < losses[0] * left
    assert max(losses) < 2 * losses[0]


@pytest.mark.parametrize("optim_name", ["sgd", "adam"])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_schedulers_are_built_by_the_names_of_their_lengths(name: str, optim_name: str) -> None:
    node = read("scheduler", name)
    assert node["every"] in ("step", "epoch", "evaluation") and node["warmup"] == 0
    assert not {"T_max", "total_steps", "total_iters", "mode"} & node.keys()  # filled in with what the run has
    changes = {"max_lr": 0.1} if name == "onecycle" else {}
    optim: Optimizer = planned("optim", optim_name)(params=[torch.nn.Parameter(torch.zeros(1))])
    inner = planned("scheduler", name, **changes)(optimizer=optim, T_max=50, total_steps=50, total_iters=50, mode="max")
    assert isinstance(inner, torch.optim.lr_scheduler.LRScheduler)
    lengths = {key: getattr(inner, key) for key in ("T_max", "total_steps", "total_iters") if hasattr(inner, key)}
    assert set(lengths.values()) <= {50} and (lengths or name in ("step", "plateau"))
    assert getattr(inner, "mode", "max") == "max"
