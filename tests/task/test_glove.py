"""GloVe: counts against a slow reference, the loss against its formula, and a matrix that can be learned exactly."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from options import ready

from dlrun.data import ptb
from dlrun.data.base import Data, Schema, Split
from dlrun.errors import UserError
from dlrun.files import stand_ins
from dlrun.model.glove import GloVe
from dlrun.task.glove import Glove, cooccurrences
from dlrun.text.vocab import Vocab

OPTIONS: dict[str, Any] = {"window": 3, "min_count": 1, "x_max": 100.0, "alpha": 0.75}
TEXTS = [[0, 1, 2, 3, 4, 5], [6], [7, 8], [], [9, 9, 10, 11, 9, 13, 14], [0, 5], [1, 0, 1, 0]]


def corpus(texts: list[list[int]], words: int) -> Data:
    x = torch.tensor([word for text in texts for word in text])
    offsets = torch.tensor([0, *(len(text) for text in texts)]).cumsum(0)
    split = Split(x, offsets=offsets)
    return Data(
        split,
        split,
        None,
        Schema({"vocab_size": words}, "text", vocab=Vocab([f"w{i}" for i in range(words)], tokenization="word")),
    )


def slow_counts(texts: list[list[int]], window: int) -> dict[tuple[int, int], float]:
    found: dict[tuple[int, int], float] = defaultdict(float)
    for text in texts:
        for i, centre in enumerate(text):
            for j, context in enumerate(text):
                if i != j and abs(i - j) <= window:
                    found[centre, context] += 1 / abs(i - j)
    return found


@pytest.mark.parametrize("window", [1, 3, 20])
def test_counts_are_those_of_a_slow_reference(window: int) -> None:
    words = torch.tensor([word for text in TEXTS for word in text], dtype=torch.int32)
    text = torch.arange(len(TEXTS)).repeat_interleave(torch.tensor([len(text) for text in TEXTS]))
    cells = cooccurrences(words, text, window, 15)
    made = dict(
        zip(zip(cells.centres.tolist(), cells.contexts.tolist(), strict=True), cells.counts.tolist(), strict=True)
    )
    assert len(made) == len(cells.counts)  # each cell once
    assert made == pytest.approx(slow_counts(TEXTS, window))
    assert (5, 6) not in made  # never over a border


def test_rare_words_are_skipped_and_leave_no_gap() -> None:
    cells = ready(Glove, corpus([[0, 1, 0, 2, 0, 1, 3, 1]] * 2, 5), **{**OPTIONS, "min_count": 4, "window": 1}).cells
    made = {(a, b): n for a, b, n in zip(*(part.tolist() for part in cells), strict=True)}
    assert made == {(0, 1): 6, (1, 0): 6, (0, 0): 4, (1, 1): 4}  # 0 1 0 0 1 1, twice
    with pytest.raises(UserError, match="task.min_count=9 leaves no two words together"):
        _ = ready(Glove, corpus([[0, 1, 2]], 3), **{**OPTIONS, "min_count": 9}).cells


def test_the_loss_is_its_formula() -> None:
    torch.manual_seed(0)
    task, model = ready(Glove, corpus(TEXTS, 15), **{**OPTIONS, "x_max": 2.0, "alpha": 0.5}), GloVe(15, embed=4)
    batch = next(iter(task.batches("train", 10, seed=0, epoch=0)))
    scores, total = task.step(model, batch), 0.0
    for centre, context, count in zip(*(part.tolist() for part in batch), strict=True):
        product = (model.centre.weight[centre] * model.context.weight[context]).sum()
        said = product + model.centre_bias.weight[centre] + model.context_bias.weight[context]
        total += min(1.0, (count / 2) ** 0.5) * (said.item() - torch.tensor(count).log().item()) ** 2
    assert scores.n == 10
    assert scores.loss.item() == pytest.approx(total / 10, rel=1e-5)


def test_a_pass_can_begin_in_the_middle() -> None:
    whole = list(ready(Glove, corpus(TEXTS, 15), **OPTIONS).batches("train", 8, seed=5, epoch=2))
    again = ready(Glove, corpus(TEXTS, 15), **OPTIONS)
    rest = list(again.batches("train", 8, seed=5, epoch=2, start=2))
    assert len(whole) > 3 and len(rest) == len(whole) - 2
    same: Callable[[Any, Any], bool] = lambda a, b: all(x.equal(y) for x, y in zip(a, b, strict=True))  # noqa: E731
    assert all(same(a, b) for a, b in zip(whole[2:], rest, strict=True))
    assert not same(whole[0], next(iter(again.batches("train", 8, seed=5, epoch=3))))
    assert sum(len(batch.counts) for batch in whole) == again.capacity() == len(again.cells.counts)


def test_it_learns_the_stand_ins_counts_to_the_last() -> None:
    """As wide as the vocabulary, the model can hold any matrix: the best loss is 0. A word's own followers come out."""
    folder, _ = stand_ins.stand_in("ptb", ptb.STAND_IN)
    data = ptb.load(folder, tokenizer="word", vocab_size=None)
    assert data.schema.vocab is not None
    torch.manual_seed(0)
    task, model = ready(Glove, data, **{**OPTIONS, "window": 1}), GloVe(len(data.schema.vocab), embed=64)
    optim = torch.optim.Adagrad(model.parameters(), lr=0.1)
    first = task.step(model, task.cells.at(torch.arange(len(task.cells.counts)))).loss.item()
    for epoch in range(60):
        for batch in task.batches("train", 64, seed=0, epoch=epoch):
            optim.zero_grad()
            task.step(model, batch).loss.backward()
            optim.step()
    last = task.step(model, task.cells.at(torch.arange(len(task.cells.counts)))).loss.item()
    assert first > 4 and last < 1e-3 * first
    word = data.schema.vocab.index["bade"]
    near = task.cells.contexts[task.cells.centres == word].long()
    said = model(torch.full_like(near, word), near).topk(3).indices
    counts = task.cells.counts[task.cells.centres == word]
    assert near[said].tolist() == near[counts.topk(3).indices].tolist()
    assert data.schema.vocab.decode(near[said][:1].tolist())[0] in ptb.CHAIN.successors["bade"] + [
        each for each, after in ptb.CHAIN.successors.items() if "bade" in after
    ]


def test_only_text_has_words() -> None:
    with pytest.raises(UserError, match="Word vectors need text"):
        Glove(Schema({"in_features": 2, "outputs": 1}, "table", "number"), **OPTIONS)
