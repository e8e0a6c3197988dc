"""Programs of torch.export: they answer the same, and their example needs no dlrun."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from export.asked import example_says_the_same, opened
from runs import Cli

from dlrun.export import interface, program

QUICK = ("regression", "lstm")  # torch's exporter takes less than a second for the smallest
MORE = ("images", "texts", "translation", "bpe", "tied")


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(each, marks=pytest.mark.slow) for each in MORE)])
def test_it_answers_the_same_and_its_example_too(name: str, made: Callable[[str], Path], cli: Cli) -> None:
    code, out, err = cli("export", str(made(name)), "--to", "torch", "--check", "--output", "out", "--json")
    assert code == 0, err
    said = json.loads(out)
    assert said["check"]["good"] and said["check"]["largest"] < 1e-5 and said["check"]["rows"] > 10
    assert said["check"]["on"] == ("train" if name == "translation" else "test")
    assert {*said["files"]} == {*os.listdir("out")}
    example_says_the_same(name, made(name), Path("out"), cli)


def test_an_exporter_leaves_the_model_as_it_was(made: Callable[[str], Path]) -> None:
    trained = opened(made("lstm"))
    asked = interface.of(trained)
    before = trained.model(asked.inputs["ids"], None).logits
    kernels = dict(torch.ops.aten.lstm.input.py_kernels)
    program.content(asked)
    assert torch.ops.aten.lstm.input.py_kernels == kernels
    assert trained.model(asked.inputs["ids"], None).logits.equal(before)
    assert not any("forward" in vars(layer) for layer in trained.model.modules())
