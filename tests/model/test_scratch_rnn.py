"""The recurrent networks written out: with torch's weights they give torch's outputs, states and gradients."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dlrun.model.rnn import GRU, LSTM, RNN, BiRNN, Recurrent
from dlrun.model.scratch_rnn import ScratchGRU, ScratchLSTM, ScratchRNN

B, T, V, D, H, CLASSES = 5, 7, 11, 6, 4, 3
PAIRS: dict[
    str, tuple[type[Recurrent], type[Recurrent], str]
] = {  # own, torch's, the letters of torch's rows of weights
    "rnn": (ScratchRNN, RNN, "h"),
    "gru": (ScratchGRU, GRU, "rzh"),
    "lstm": (ScratchLSTM, LSTM, "ifco"),
}
OPTIONS: dict[str, Any] = {"embed": D, "hidden": H, "dropout": 0.0, "tied": False}
LENGTHS = torch.tensor([3, 7, 1, 7, 4])


def pair(name: str, outputs: int | None = None, reset: str = "after", **options: Any) -> tuple[Recurrent, Recurrent]:
    """A network of ours with the weights of one of torch's, and torch's; all weights large enough to matter."""
    own, torchs, _ = PAIRS[name]
    torch.manual_seed(0)
    chosen = {**OPTIONS, "layers": 1, "bidirectional": False, **options}
    theirs = torchs(V, outputs, **chosen)
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.7)
    ours = own(V, outputs, **chosen, **only_gru(name, reset))
    ours.embedding.load_state_dict(theirs.embedding.state_dict())
    ours.output.load_state_dict(theirs.output.state_dict())
    with torch.no_grad():
        for number, cell in enumerate(cells(ours)):
            for key, value in taken_over(name, parts(theirs, number)).items():
                if getattr(cell, key) is not None:
                    getattr(cell, key).copy_(value)
    return ours, theirs


def only_gru(name: str, reset: str) -> dict[str, Any]:
    return {"reset": reset} if name == "gru" else {}


def readers(model: Any) -> list[Any]:
    """What reads in one direction, from the lowest layer up; of both ways the one from the left first."""
    if not isinstance(model.layers, BiRNN):
        return [model.layers]
    return [each for both in zip(model.layers.from_left, model.layers.from_right, strict=True) for each in both]


def cells(ours: Any) -> list[Any]:
    return [cell for reader in readers(ours) for cell in reader.cells]


def parts(theirs: Recurrent, number: int) -> list[Tensor]:
    """weight_ih, weight_hh, bias_ih and bias_hh of one cell of torch's."""
    found = [reader.all_weights[layer] for reader in readers(theirs) for layer in range(reader.num_layers)]
    return found[number]


def taken_over(name: str, torchs: list[Tensor]) -> dict[str, Tensor]:
    """torch's rows of gates -> the course's matrices; its two biases are added but where the reset is between them."""
    letters = PAIRS[name][2]
    found: dict[str, Tensor] = {}
    for letter, w_x, w_h, b_x, b_h in zip(letters, *(part.chunk(len(letters)) for part in torchs), strict=True):
        found |= {f"W_x{letter}": w_x.T, f"W_h{letter}": w_h.T, f"b_{letter}": b_x + b_h}
        if (name, letter) == ("gru", "h"):
            found |= {"b_h": b_x, "b_hh": b_h}
    return found


def gradients_agree(name: str, ours: Recurrent, theirs: Recurrent) -> None:
    """Of every weight; the gradient of a bias that is a sum is that of each of torch's two."""
    torch.testing.assert_close(ours.embedding.weight.grad, theirs.embedding.weight.grad)
    torch.testing.assert_close(ours.output.weight.grad, theirs.output.weight.grad)
    for number, cell in enumerate(cells(ours)):
        torchs = [part.grad for part in parts(theirs, number) if part.grad is not None]
        torchs[3] = torchs[3] if name == "gru" else torch.zeros_like(torchs[3])
        wanted = taken_over(name, torchs)
        if name == "gru":
            for letter in "rz":
                wanted[f"b_{letter}"] = wanted[f"b_{letter}"] / 2
        grads = {key: parameter.grad for key, parameter in cell.named_parameters()}
        assert grads.keys() == wanted.keys()
        for key, grad in grads.items():
            assert grad.abs().max() > 1e-4, key
            torch.testing.assert_close(grad, wanted[key], msg=key)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("name", PAIRS)
def test_language_model_with_torch_s_weights(name: str, layers: int) -> None:
    ours, theirs = pair(name, layers=layers)
    ids, weigh = torch.randint(V, (B, T)), torch.randn(B, T, V)
    own_state = torch_state = None
    for half in (slice(0, 4), slice(4, T)):  # the state travels
        own_logits, own_state, *_ = ours(ids[:, half], own_state)
        torch_logits, torch_state, *_ = theirs(ids[:, half], torch_state)
        torch.testing.assert_close(own_logits, torch_logits)
        states = torch_state if isinstance(torch_state, tuple) else (torch_state,)
        for a, b in zip(own_state, states, strict=True):
            assert a.shape == (layers, B, H)
            torch.testing.assert_close(a, b)
    (own_logits * weigh[:, 4:]).sum().backward()
    (torch_logits * weigh[:, 4:]).sum().backward()
    gradients_agree(name, ours, theirs)
    assert ours.word_vectors() is ours.embedding.weight


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", PAIRS)
def test_classifier_with_torch_s_weights(name: str, bidirectional: bool) -> None:
    """Two layers over texts of several lengths: what stands behind a text's end must not be read."""
    ours, theirs = pair(name, CLASSES, layers=2, bidirectional=bidirectional)
    ids, weigh = torch.randint(V, (B, T)), torch.randn(B, CLASSES)
    own, torchs = ours(ids, LENGTHS), theirs(ids, LENGTHS)
    assert own.shape == (B, CLASSES)
    torch.testing.assert_close(own, torchs)
    (own * weigh).sum().backward()
    (torchs * weigh).sum().backward()
    gradients_agree(name, ours, theirs)


def test_reset_before_the_product_is_another_function() -> None:
    """By hand for one number: H~ = tanh(x w_x + (r h) w_h + b), torch's tanh(x w_x + r (h w_h + b_hh) + b)."""
    torch.manual_seed(0)
    ids = torch.randint(V, (B, T))
    course, theirs = pair("gru", reset="before")
    after, _ = pair("gru", reset="after")
    torch.testing.assert_close(after(ids)[0], theirs(ids)[0])
    assert (course(ids)[0] - theirs(ids)[0]).abs().max() > 0.05
    assert "layers.cells.0.b_hh" not in dict(course.named_parameters())
    cell = cells(course)[0]
    x, h = torch.randn(B, D), torch.randn(B, H)
    r = torch.sigmoid(x @ cell.W_xr + h @ cell.W_hr + cell.b_r)
    z = torch.sigmoid(x @ cell.W_xz + h @ cell.W_hz + cell.b_z)
    new = torch.tanh(x @ cell.W_xh + (r * h) @ cell.W_hh + cell.b_h)
    torch.testing.assert_close(cell(x, h)[0], z * h + (1 - z) * new)


@pytest.mark.parametrize("name", PAIRS)
def test_begins_as_torch_does(name: str) -> None:
    """Evenly between -1 / sqrt(H) and 1 / sqrt(H), every matrix of its own."""
    torch.manual_seed(1)
    options: dict[str, Any] = {**OPTIONS, "hidden": 25, "layers": 1, "bidirectional": False}
    own = PAIRS[name][0](V, **options, **only_gru(name, "before"))
    values = torch.cat([parameter.flatten() for parameter in own.layers.parameters()])
    assert 0.19 < values.max() <= 0.2 and -0.2 <= values.min() < -0.19
    assert len(values.unique()) > 0.99 * len(values)


def test_dropout_between_layers_only_while_training() -> None:
    torch.manual_seed(0)
    model = ScratchLSTM(V, **{**OPTIONS, "dropout": 0.5}, layers=2, bidirectional=False)
    x = torch.randn(B, T, D)
    assert not model.layers(x)[0].equal(model.layers(x)[0])
    model.eval()
    assert model.layers(x)[0].equal(model.layers(x)[0])
    one = ScratchLSTM(V, **{**OPTIONS, "dropout": 0.5}, layers=1, bidirectional=False)
    assert one.layers(x)[0].equal(one.layers(x)[0])  # as in torch: none behind the last layer
