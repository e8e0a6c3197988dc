"""Models of texts beside TextCNN and the recurrent ones: n-grams, what naive Bayes counts, self-attention."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from options import options, ready
from torch import Tensor, nn

from dlrun.data.base import Data, Schema, Split
from dlrun.errors import UserError
from dlrun.model.bag import Bag
from dlrun.model.base import Counted
from dlrun.model.nbsvm import NBSVM
from dlrun.model.transformer_classifier import TransformerClassifier
from dlrun.nn.ngrams import ngram_set
from dlrun.task.classify import Batch
from dlrun.task.classify_texts import ClassifyTexts
from dlrun.text.vocab import Vocab

B, T, V, CLASSES = 6, 9, 20, 3
GOOD, BAD = 3, 4


def texts() -> tuple[Tensor, Tensor]:
    return torch.randint(V, (B, T), generator=torch.Generator().manual_seed(0)), torch.tensor([1, 2, 5, 9, 9, 4])


def bag(**options: Any) -> Bag:
    model = Bag(V, CLASSES, **{"ngrams": 2, "buckets": 50, "embed": 5, "dropout": 0.0, **options})
    nn.init.normal_(model.embedding.weight)  # it starts at 0, where the output layer gets no gradient yet
    return model


def nbsvm(**options: Any) -> NBSVM:
    model = NBSVM(V, CLASSES, **{"ngrams": 3, "buckets": 50, "smoothing": 1.0, **options})
    model.count([Batch(texts(), torch.arange(B) % CLASSES, ())])
    nn.init.normal_(model.weight)
    return model


def transformer_classifier(**options: Any) -> TransformerClassifier:
    chosen = {"embed": 8, "heads": 2, "layers": 2, "feed_forward": 16, "dropout": 0.0, **options}
    return TransformerClassifier(V, CLASSES, **chosen)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "bag": bag,
    "nbsvm": nbsvm,
    "transformer_classifier": transformer_classifier,
}


@pytest.mark.parametrize("name", MODELS)
def test_shape_and_gradients(name: str) -> None:
    torch.manual_seed(0)
    model = MODELS[name]()
    logits = model(*texts())
    assert logits.shape == (B, CLASSES)
    (logits * torch.randn_like(logits)).sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize("name", MODELS)
def test_padding_changes_nothing(name: str) -> None:
    """A text alone, among longer ones, and with other tokens in its padding: the same logits."""
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    ids, lengths = texts()
    together = model(ids, lengths)
    other = ids.where(torch.arange(T) < lengths.unsqueeze(1), (ids + 1) % V)
    torch.testing.assert_close(model(other, lengths), together)
    for row, length in enumerate(lengths.tolist()):
        alone = model(ids[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(alone[0], together[row])


# n-grams


def sets_of(ids: list[list[int]], lengths: list[int], n: int, buckets: int = 10**6) -> list[set[int]]:
    rows, begins = ngram_set(torch.tensor(ids), torch.tensor(lengths), V, n, buckets)
    parts = rows.tensor_split(begins[1:])
    assert all(len(part.unique()) == len(part) for part in parts)
    return [set(part.tolist()) for part in parts]


def test_words_count_once_and_padding_never() -> None:
    assert sets_of([[7, 5, 7, 7], [2, 0, 0, 0]], [4, 1], n=1) == [{5, 7}, {2}]


def test_an_ngram_is_its_words_in_their_order() -> None:
    one, same, turned, longer = sets_of([[3, 4, 0], [3, 4, 9], [4, 3, 0], [3, 4, 5]], [2, 2, 2, 3], n=3)
    assert one == same and len(one) == 3  # two words and what they make
    assert one & turned == {3, 4}
    assert one < longer and len(longer) == 6  # three words, two bigrams, a trigram
    assert min(row for row in longer if row >= V) >= V
    assert max(max(each) for each in sets_of([list(range(V))], [V], n=3, buckets=7)) < V + 7


def test_order_within_a_bigram_is_all_that_a_bag_sees() -> None:
    model = bag(buckets=10**4).eval()
    ids = torch.tensor([[1, 2, 3, 1, 2], [3, 1, 2, 3, 1], [2, 1, 3, 2, 1]])
    answers = model(ids, torch.tensor([5, 5, 5]))
    torch.testing.assert_close(answers[0], answers[1])  # 12 23 31 in both
    assert not torch.allclose(answers[0], answers[2])
    plain = bag(ngrams=1)
    assert plain.embedding.num_embeddings == V  # no row that nothing uses
    torch.testing.assert_close(plain(ids, torch.tensor([5, 5, 5]))[0], plain(ids, torch.tensor([5, 5, 5]))[2])


def test_what_training_never_met_says_nothing() -> None:
    model = Bag(V, CLASSES, ngrams=2, buckets=50, embed=5, dropout=0.0)
    torch.testing.assert_close(model(*texts()), model.output.bias.expand(B, -1))
    assert model.word_vectors().shape == (V, 5)


# naive Bayes


def reviews() -> Data:
    """Four texts: `GOOD` stands in both of class 1, twice in one of them, and in one of class 0."""
    x = torch.tensor([GOOD, GOOD, 5, GOOD, 6, BAD, GOOD, BAD, 5], dtype=torch.int32)
    split = Split(x, torch.tensor([1, 1, 0, 0]), torch.tensor([0, 3, 5, 7, 9]))
    vocab = Vocab(["<pad>", "<unk>", "?", "good", "bad", "a", "b"], tokenization="word", unknown="<unk>")
    schema = Schema({"vocab_size": 7, "outputs": 2}, "text", "class", vocab=vocab, labels=("negative", "positive"))
    return Data(split, None, None, schema)


def task_of(data: Data) -> ClassifyTexts:
    return ready(ClassifyTexts, data, **options("task/classify_texts"))


def test_votes_are_those_of_naive_bayes() -> None:
    """By hand, alpha = 1, seven words: class 1 has good 2, a 1, b 1; class 0 has bad 2, good 1, a 1."""
    task, model = task_of(reviews()), NBSVM(7, 2, ngrams=1, buckets=8, smoothing=1.0)
    assert isinstance(model, Counted) and model.votes.abs().sum() == 0
    batch = next(iter(task.batches("train", 2, seed=0, epoch=0)))
    assert task.step(model.eval(), batch).loss.item() == pytest.approx(math.log(2))
    model.count(task.batches("train", 2, seed=0, epoch=0))
    assert task.step(model.train(), batch).loss.item() == pytest.approx(math.log(2))  # all weights are 0
    ratio = model.votes[:, 1] - model.votes[:, 0]
    log_ratio = {GOOD: (3, 2), BAD: (1, 3), 5: (2, 2), 6: (2, 1), 0: (1, 1)}  # of 11 in both classes
    for word, (positive, negative) in log_ratio.items():
        assert ratio[word].item() == pytest.approx(math.log(positive / negative), abs=1e-6), word
    with torch.no_grad():
        model.weight.fill_(1.0)
    logits = model(torch.tensor([[GOOD, 6, GOOD]]), torch.tensor([3]))[0]
    assert (logits[1] - logits[0]).item() == pytest.approx((math.log(3 / 2) + math.log(2)) / math.sqrt(2))
    (answer,) = task.predict(model.eval(), ["good b good"])
    assert not isinstance(answer, UserError) and answer[0][0] == "positive"


def test_counts_are_the_same_whatever_the_batches() -> None:
    task = task_of(reviews())
    one, other = (NBSVM(7, 2, ngrams=2, buckets=64, smoothing=2.0) for _ in range(2))
    one.count(task.batches("train", 1, seed=3, epoch=0))
    other.count(task.batches("train", 4, seed=0, epoch=0))
    assert one.votes.equal(other.votes) and one.votes.abs().sum() > 0
    of_before = one.state_dict() | {"counted": torch.tensor(True)}  # version 0.1.0 kept that
    NBSVM(7, 2, ngrams=2, buckets=64, smoothing=2.0).load_state_dict(of_before)


# self-attention


def test_a_text_transformer_sees_the_order_of_words() -> None:
    torch.manual_seed(0)
    model = transformer_classifier().eval()
    there, back = torch.arange(1, 6).unsqueeze(0), torch.arange(5, 0, -1).unsqueeze(0)
    assert not torch.allclose(model(there, torch.tensor([5])), model(back, torch.tensor([5])), atol=1e-4)


@pytest.mark.parametrize(("embed", "heads"), [(8, 3), (5, 5)])
def test_heads_share_a_vector_evenly(embed: int, heads: int) -> None:
    with pytest.raises(UserError, match=f"model.embed={embed} must be even and divisible by model.heads={heads}"):
        transformer_classifier(embed=embed, heads=heads)
