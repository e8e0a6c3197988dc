"""All models of a kind alike, and so no single module's: shape, gradients, padding, and where a text is cut.

Those of pictures are in test_images.py, those that translate in test_translators.py.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from models import (
    CLASSES,
    RECURRENT,
    B,
    T,
    V,
    awd_lstm,
    bag,
    check_gradients,
    nbsvm,
    nnlm,
    textcnn,
    texts,
    transformer_classifier,
    transformer_lm,
)
from torch import Tensor, nn

from dlrun.model.glove import GloVe
from dlrun.model.lenet import LeNet
from dlrun.model.linear import Linear
from dlrun.model.mlp import MLP
from dlrun.model.rnn import GRU, LSTM, RNN
from dlrun.model.word2vec import WordVectors
from dlrun.text.embeddings import PretrainedEmbedding, WordEmbedding

# classes


def images() -> tuple[Tensor]:
    return (torch.rand(B, 1, 28, 28),)


def lenet(**changed: object) -> LeNet:
    chosen: dict = {"activation": "relu", "pool": "max", "batch_norm": True, "dropout": 0.1} | changed
    return LeNet(1, 28, 28, CLASSES, **chosen)


def mlp() -> MLP:
    return MLP(28 * 28, CLASSES, hidden=[16, 12], activation="tanh", batch_norm=True, dropout=0.0)


OF_TEXTS: dict[str, Callable[[], nn.Module]] = {
    "textcnn": textcnn,
    "rnn": lambda: RNN(V, CLASSES, **RECURRENT),
    "bidirectional gru": lambda: GRU(V, CLASSES, **(RECURRENT | {"bidirectional": True})),
    "bidirectional lstm": lambda: LSTM(V, CLASSES, **(RECURRENT | {"bidirectional": True})),
    "bag": bag,
    "nbsvm": nbsvm,
    "transformer_classifier": transformer_classifier,
}
CLASSIFIERS: dict[str, tuple[Callable[[], nn.Module], Callable[[], tuple]]] = {
    "linear": (lambda: Linear(28 * 28, CLASSES), images),
    "mlp": (mlp, images),
    "lenet": (lenet, images),
    "lenet of 1998": (lambda: lenet(activation="sigmoid", pool="avg", batch_norm=False), images),
    **{name: (make, texts) for name, make in OF_TEXTS.items()},
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifier_has_shape_and_gradients(name: str) -> None:
    torch.manual_seed(0)
    make, inputs = CLASSIFIERS[name]
    model = make()
    logits = model(*inputs())
    assert logits.shape == (B, CLASSES)
    check_gradients(model, logits)


@pytest.mark.parametrize("name", OF_TEXTS)
def test_padding_changes_nothing(name: str) -> None:
    """A text alone, among longer ones, and with other tokens in its padding: the same logits."""
    torch.manual_seed(0)
    model = OF_TEXTS[name]().eval()
    ids, lengths = texts()
    together = model(ids, lengths)
    other = ids.where(torch.arange(T) < lengths.unsqueeze(1), (ids + 1) % V)
    assert not other.equal(ids)
    torch.testing.assert_close(model(other, lengths), together)
    for row, length in enumerate(lengths.tolist()):
        alone = model(ids[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(alone[0], together[row])


# language models

WRITERS: dict[str, Callable[[], Any]] = {
    "rnn": lambda: RNN(V, **RECURRENT),
    "gru": lambda: GRU(V, **RECURRENT),
    "lstm": lambda: LSTM(V, **RECURRENT),
    "tied gru": lambda: GRU(V, **(RECURRENT | {"tied": True})),
    "awd_lstm": awd_lstm,
    "learned positions": transformer_lm,
    "sinusoidal positions": lambda: transformer_lm(positions="sinusoidal"),
    "tied transformer": lambda: transformer_lm(tied=True, layers=1),
    "nnlm": nnlm,
    "nnlm of one word": lambda: nnlm(1),
    "tied nnlm": lambda: nnlm(embed=10, tied=True),
}
REACH = {  # how many tokens a prediction depends on, where that has an end
    "learned positions": 9,  # the token itself, and 4 before it in each of 2 layers
    "sinusoidal positions": 9,
    "tied transformer": 5,
    "nnlm": 4,
    "nnlm of one word": 1,
    "tied nnlm": 4,
}
LONG = 11  # tokens; more than any context here, so that some are forgotten on the way


def long_texts() -> Tensor:
    return torch.randint(V, (B, LONG))


def detached(state: Any) -> Any:
    return state.detach() if isinstance(state, Tensor) else tuple(map(detached, state))


@pytest.mark.parametrize("name", WRITERS)
def test_language_model_has_shape_and_gradients(name: str) -> None:
    torch.manual_seed(0)
    model = WRITERS[name]()
    logits, state, *_ = model(long_texts(), None)
    assert logits.shape == (B, LONG, V)
    check_gradients(model, model(long_texts(), detached(state)).logits)


@pytest.mark.parametrize("pieces", [[5, 6], [1] * LONG, [3, 1, 7]], ids=str)
@pytest.mark.parametrize("name", WRITERS)
def test_pieces_with_the_state_are_the_whole(name: str, pieces: list[int]) -> None:
    torch.manual_seed(0)
    model, ids = WRITERS[name](), long_texts()
    whole, kept, *_ = model(ids, None)
    state, logits = None, []
    for piece in ids.split(pieces, dim=1):
        answer, state, *_ = model(piece, state)
        logits.append(answer)
    torch.testing.assert_close(torch.cat(logits, 1), whole)
    torch.testing.assert_close(state, kept)
    if REACH.get(name) != 1:  # without the state it is another number
        assert (model(ids[:, -1:], None)[0] - whole[:, -1:]).abs().max() > 1e-3


@pytest.mark.parametrize("name", REACH)
def test_a_prediction_sees_its_window_and_no_more(name: str) -> None:
    torch.manual_seed(0)
    model, ids, reach = WRITERS[name](), long_texts(), REACH[name]
    at = LONG - 2
    before, *_ = model(ids, None)
    for changed in range(LONG):
        other = ids.clone()
        other[:, changed] = (other[:, changed] + 1) % V
        moved = (model(other, None)[0][:, at] - before[:, at]).abs().amax(1)
        assert bool((moved > 0).all()) == (at - reach < changed <= at)
        assert bool((moved == 0).all()) == (not at - reach < changed <= at)


# word vectors


def test_word_vectors_are_what_given_ones_are_written_into() -> None:
    """But for GloVe's, which are the sum of two tables."""
    for make in (*WRITERS.values(), textcnn, bag, transformer_classifier, lambda: WordVectors(V, embed=4)):
        model = make()
        assert isinstance(model, WordEmbedding) and isinstance(model, PretrainedEmbedding)
        with torch.no_grad():
            model.embedding_tables()[0][:V].fill_(3.0)
        assert model.word_vectors().shape[0] == V and (model.word_vectors() == 3).all()
    assert isinstance(GloVe(V, embed=4), WordEmbedding) and not isinstance(GloVe(V, embed=4), PretrainedEmbedding)
