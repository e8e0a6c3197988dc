"""Every model: the shape of its answer, a gradient in every parameter, and what is its own."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dlrun.errors import UserError
from dlrun.model.lenet import LeNet
from dlrun.model.linear import Linear
from dlrun.model.mlp import MLP
from dlrun.model.rnn import GRU, LSTM, RNN
from dlrun.model.textcnn import TextCNN
from dlrun.model.word2vec import WordVectors

B, T, V, CLASSES = 6, 9, 20, 3
RECURRENT: dict[str, Any] = {
    "embed": 8,
    "hidden": 8,
    "layers": 2,
    "dropout": 0.0,
    "tied": False,
    "bidirectional": False,
}


def images(size: int = 28) -> Tensor:
    return torch.rand(B, 1, size, size)


def texts() -> tuple[Tensor, Tensor]:
    return torch.randint(V, (B, T)), torch.tensor([1, 2, 5, 9, 9, 4])


def lenet(**options: object) -> LeNet:
    chosen: dict = {"activation": "relu", "pool": "max", "batch_norm": True, "dropout": 0.1} | options
    return LeNet(1, 28, 28, CLASSES, **chosen)


def textcnn() -> TextCNN:
    return TextCNN(V, CLASSES, embed=7, kernel_sizes=[2, 3, 12], channels=5, multichannel=False, dropout=0.0)


def mlp() -> MLP:
    return MLP(28 * 28, CLASSES, hidden=[16, 12], activation="tanh", batch_norm=True, dropout=0.0)


CLASSIFIERS: dict[str, tuple[Callable[[], nn.Module], Callable[[], tuple]]] = {
    "linear": (lambda: Linear(28 * 28, CLASSES), lambda: (images(),)),
    "mlp": (mlp, lambda: (images(),)),
    "lenet": (lenet, lambda: (images(),)),
    "lenet of 1998": (lambda: lenet(activation="sigmoid", pool="avg", batch_norm=False), lambda: (images(),)),
    "textcnn": (textcnn, texts),
    "rnn": (lambda: RNN(V, CLASSES, **RECURRENT), texts),
    "bidirectional gru": (lambda: GRU(V, CLASSES, **{**RECURRENT, "bidirectional": True}), texts),
    "bidirectional lstm": (lambda: LSTM(V, CLASSES, **{**RECURRENT, "bidirectional": True}), texts),
}


def check_gradients(model: nn.Module, answer: Tensor) -> None:
    (answer * torch.randn_like(answer)).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifier_has_shape_and_gradients(name: str) -> None:
    torch.manual_seed(0)
    make, inputs = CLASSIFIERS[name]
    model = make()
    logits = model(*inputs())
    assert logits.shape == (B, CLASSES)
    check_gradients(model, logits)


@pytest.mark.parametrize("cell", [RNN, GRU, LSTM])
def test_language_model_has_shape_and_gradients(cell: type[RNN] | type[GRU] | type[LSTM]) -> None:
    torch.manual_seed(0)
    model = cell(V, **RECURRENT)
    logits, state, *_ = model(torch.randint(V, (B, T)), None)
    assert logits.shape == (B, T, V)
    first = state[0] if isinstance(state, tuple) else state
    assert first.shape == (2, B, 8)
    check_gradients(model, logits)


def test_two_halves_with_the_state_are_the_whole() -> None:
    torch.manual_seed(0)
    model, ids = LSTM(V, **RECURRENT), torch.randint(V, (B, T))
    whole, *_ = model(ids, None)
    left, state, *_ = model(ids[:, :4], None)
    right, *_ = model(ids[:, 4:], state)
    torch.testing.assert_close(torch.cat([left, right], dim=1), whole)


def test_tied_weights_are_one_table() -> None:
    model = GRU(V, **{**RECURRENT, "tied": True})
    assert model.output.weight is model.embedding.weight is model.word_vectors()
    names = {name for name, _ in model.named_parameters()}
    assert "output.weight" not in names
    untied = GRU(V, **RECURRENT)
    assert sum(p.numel() for p in untied.parameters()) - sum(p.numel() for p in model.parameters()) == V * 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tied": True, "embed": 4}, "model.tied needs a language model with model.embed=8"),
        ({"bidirectional": True}, "A language model can't read from the right. Type model.bidirectional=false."),
    ],
)
def test_recurrent_refuses(options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        LSTM(V, **{**RECURRENT, **options})


@pytest.mark.parametrize("name", ["textcnn", "rnn", "bidirectional gru", "bidirectional lstm"])
def test_padding_changes_nothing(name: str) -> None:
    """A text alone, among longer ones, and with other tokens in its padding: the same logits."""
    torch.manual_seed(0)
    model = CLASSIFIERS[name][0]().eval()
    ids, lengths = texts()
    together = model(ids, lengths)
    place = torch.arange(T)
    other = ids.where(place < lengths.unsqueeze(1), (ids + 1) % V)
    assert not other.equal(ids)
    torch.testing.assert_close(model(other, lengths), together)
    for row, length in enumerate(lengths.tolist()):
        alone = model(ids[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(alone[0], together[row])


def test_textcnn_is_a_maximum_over_the_text() -> None:
    """One filter of one word: the answer is the largest of the words' own, or 0."""
    model = TextCNN(V, 1, embed=4, kernel_sizes=[1], channels=1, multichannel=False, dropout=0.0).eval()
    with torch.no_grad():
        model.output.weight.fill_(1)
        model.output.bias.zero_()
        each = model(torch.arange(V).unsqueeze(1), torch.ones(V, dtype=torch.long))
        assert len(each.unique()) > 2
        ids, lengths = texts()
        for row, length in enumerate(lengths.tolist()):
            torch.testing.assert_close(model(ids, lengths)[row], each[ids[row, :length]].amax(0))


def test_lenet_of_other_sizes() -> None:
    options: dict = {"activation": "relu", "pool": "max", "batch_norm": True, "dropout": 0.0}
    assert LeNet(3, 32, 40, CLASSES, **options)(torch.rand(2, 3, 32, 40)).shape == (2, CLASSES)
    assert LeNet(1, 16, 16, CLASSES, **options)(torch.rand(2, 1, 16, 16)).shape == (2, CLASSES)
    with pytest.raises(UserError, match="LeNet needs 16 x 16 pixels; the images have 28 x 12"):
        LeNet(1, 28, 12, CLASSES, **options)


def test_word_vectors() -> None:
    """StepOutput begin at 0; one word in is a dot product, several are a mean in which only those of the mask count."""
    torch.manual_seed(0)
    model = WordVectors(V, embed=4)
    inputs, targets = torch.randint(V, (B, 3)), torch.randint(V, (B, 5))
    assert model(inputs, None, targets).equal(torch.zeros(B, 5))
    assert model.word_vectors().abs().max() <= 0.5 / 4
    nn.init.normal_(model.output.weight)
    everything = model(inputs)
    assert everything.shape == (B, V)
    torch.testing.assert_close(model(inputs, None, targets), everything.gather(1, targets))
    mask = torch.zeros(B, 3, dtype=torch.bool)
    mask[:, 1] = True
    torch.testing.assert_close(model(inputs, mask, targets), model(inputs[:, 1:2], None, targets))
    check_all = WordVectors(V, embed=4)
    nn.init.normal_(check_all.output.weight)
    check_gradients(check_all, check_all(inputs, mask, targets))
