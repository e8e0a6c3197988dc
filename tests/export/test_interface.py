"""What an exported model takes and answers, for each kind of model of texts; and which models no graph holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from export.asked import OTHERS, opened

from dlrun.errors import UserError
from dlrun.export import check, interface, onnx, program


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("to", [onnx, program])
def test_other_models_of_texts(name: str, to: Any, made: Callable[[str], Path]) -> None:
    """One token, many tokens, one row, many rows."""
    trained = opened(made(name))
    asked = interface.of(trained)
    found = check.compared(asked, to.opened(to.content(asked)), check.drawn(trained.task))
    assert found.good and found.rows > 10


def test_a_language_models_state_lies_flat(made: Callable[[str], Path]) -> None:
    asked = interface.of(opened(made("lstm")))
    assert list(asked.inputs) == ["ids", "state_0", "state_1"]
    assert asked.outputs == ("logits", "new_state_0", "new_state_1")
    assert asked.axes["ids"] == {0: "batch", 1: "length"} and asked.axes["state_0"] == {1: "batch"}
    assert [each.shape for each in asked.first_state(5)] == [(2, 5, 8)] * 2
    assert not any(each.any() for each in asked.first_state(5))
    state = ((torch.ones(1), torch.zeros(2)), None, torch.ones(3))
    flat = interface.flat(state)
    assert [len(each) for each in flat] == [1, 2, 3]
    inner = ((torch.ones(1), torch.zeros(2)), torch.ones(3))
    assert interface.shape_of(inner) == ((None, None), None)
    again = interface.filled(interface.shape_of(inner), iter(interface.flat(inner)))
    assert again == inner


HINDERED = {
    "point": "its task, Minimize, gives Point no input of a user's to answer. Its weights can: --to safetensors.",
    "vectors": "gives WordVectors no input of a user's to answer. Its word vectors can: --to word2vec.",
    "ngram": "NGram looks its text up in tables, .* steps are fixed. Its weights can: --to safetensors.",
    "bahdanau": "one word after another, in a loop that a graph would fix to one length. Its weights can: ",
}


@pytest.mark.parametrize("name", HINDERED)
def test_a_model_that_no_graph_holds_says_why(name: str, made: Callable[[str], Path]) -> None:
    with pytest.raises(UserError, match=f"{name} can't be exported so: .*{HINDERED[name]}"):
        interface.of(opened(made(name)))
