"""ONNX files: they answer the same, their example needs no dlrun, and they hold ONNX's own layers."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from export.asked import example_says_the_same, opened
from runs import Cli
from torch.nn.functional import scaled_dot_product_attention

from dlrun.export import interface, onnx


@pytest.mark.slow
@pytest.mark.parametrize("name", ["regression", "images", "lstm", "texts", "translation", "bpe", "tied"])
def test_it_answers_the_same_and_its_example_too(name: str, made: Callable[[str], Path], cli: Cli) -> None:
    code, out, err = cli("export", str(made(name)), "--to", "onnx", "--check", "--output", "out", "--json")
    assert code == 0, err
    assert json.loads(out)["check"]["good"] and json.loads(out)["check"]["largest"] < 1e-5
    example_says_the_same(name, made(name), Path("out"), cli)


@pytest.mark.slow
def test_a_file_says_what_is_free_and_has_onnxs_own_layers(made: Callable[[str], Path]) -> None:
    import onnx as library

    asked = interface.of(opened(made("lstm")))
    model = library.load_from_string(onnx.content(asked))
    library.checker.check_model(model)
    shapes = {
        each.name: [d.dim_param or d.dim_value for d in each.type.tensor_type.shape.dim] for each in model.graph.input
    }
    assert shapes == {"ids": ["batch", "length"], "state_0": [2, "batch", 8], "state_1": [2, "batch", 8]}
    assert [each.name for each in model.graph.output] == ["logits", "new_state_0", "new_state_1"]
    assert sum(node.op_type == "LSTM" for node in model.graph.node) == 2


def test_a_missing_library_is_said(made: Callable[[str], Path], cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx, "LIBRARIES", ("onnx", "no_such_library"))
    code, _, err = cli("export", str(made("regression")), "--to", "onnx")
    assert code == 2 and "--to onnx needs no_such_library, not installed here. Type: pip install 'dlrun[onnx]'" in err


@pytest.mark.parametrize("mask", ["none", "causal", "added"])
def test_attention_written_out_is_torchs_own(mask: str) -> None:
    draw = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(2, 3, steps, 4, generator=draw) for steps in (5, 6, 6))
    given = {
        "none": None,
        "causal": torch.ones(5, 6).tril().bool(),
        "added": torch.randn(2, 1, 5, 6, generator=draw),
    }[mask]
    with onnx.WrittenOut():
        written = scaled_dot_product_attention(q, k, v, attn_mask=given)
    torch.testing.assert_close(written, scaled_dot_product_attention(q, k, v, attn_mask=given))
    assert written.equal(onnx.attention(q, k, v, given))


def test_what_exporters_say_is_not_heard_and_the_rest_is_afterwards(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError), onnx.quiet():
        print("a graph of thousands of lines")
        logging.getLogger("torch.onnx").warning("for torch's people")
        raise ValueError
    logging.getLogger("torch.onnx").warning("heard")
    assert [record.message for record in caplog.records] == ["heard"] and capsys.readouterr().out == ""
