"""Kneser-Ney: hand-computed, against a slow count by dictionaries, and what reading once and in order asks for."""

from collections import Counter
from typing import Any

import pytest
import torch
from runs import Cli, Run
from torch import Tensor

from dlrun.errors import UserError
from dlrun.model.ngram import NGram, discounts
from dlrun.task.lm import Batch

V = 6


def fitted(rows: Tensor, order: int, pieces: int = 7, vocab_size: int = V) -> NGram:
    model = NGram(vocab_size, order=order)
    model.count(Batch(piece, piece, piece.numel(), number == 0) for number, piece in enumerate(rows.split(pieces, 1)))
    return model.eval()


def text(length: int, rows: int = 1) -> Tensor:
    """Zipf-like, so that the counts of counts are such as the formula needs."""
    draw = torch.Generator().manual_seed(3)
    return torch.multinomial(1 / torch.arange(1.0, V + 1), rows * length, True, generator=draw).view(rows, length)


def grams(row: list[int], length: int) -> list[tuple[int, ...]]:
    return [tuple(row[i : i + length]) for i in range(len(row) - length + 1)]


def slow(row: list[int], context: tuple[int, ...], token: int, order: int) -> float:
    """p(token | context), looked up anew for each context, from the paper's definition."""
    if len(context) >= order:
        context = context[1 - order :] if order > 1 else ()
    k = len(context) + 1
    longest = k == order
    counts = Counter(grams(row, k)) if longest else Counter(gram[1:] for gram in set(grams(row, k + 1)))
    d = [0.0, *discounts(torch.tensor(list(counts.values())))]
    lower = slow(row, context[1:], token, order) if context else 1 / V
    followers = {gram: c for gram, c in counts.items() if gram[:-1] == context}
    total = sum(followers.values())
    if not total:
        return lower
    left = sum(d[min(c, 3)] for c in followers.values()) / total
    c = followers.get((*context, token), 0)
    return (c - d[min(c, 3)]) / total + left * lower


def test_by_hand() -> None:
    """0 1 0 2 0 1: after 0 came 1 twice and 2 once; once came three bigrams, twice one, so D(1) = Y = 3 / 5.

    Unigrams count their different left neighbours, of which 0 has two, 1 and 2 have one: there D(1) = 1 / 2. Nothing
    was counted three times, which the formula for D(2) needs, so it is half of 2.
    """
    p = fitted(torch.tensor([[0, 1, 0, 2, 0, 1]]), order=2, vocab_size=4)(torch.tensor([[0]]), None)[0].exp()[0, 0]
    unseen = 2 / 4 / 4
    unigram = [1 / 4 + unseen, 1 / 8 + unseen, 1 / 8 + unseen, unseen]
    given = (1 + 3 / 5) / 3  # away of the two bigrams of 0, counted 2 and 1
    expected = [given * unigram[0], 1 / 3 + given * unigram[1], (2 / 5) / 3 + given * unigram[2], given * unigram[3]]
    torch.testing.assert_close(p, torch.tensor(expected))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_as_counted_by_dictionaries(order: int) -> None:
    row = text(150)
    model, asked = fitted(row, order), text(12).flip(1)
    p = model(asked, None)[0].exp()[0]
    known = row[0].tolist()
    for place in range(asked.shape[1]):
        context = tuple(asked[0, : place + 1].tolist())
        slowly = [slow(known, context[max(0, len(context) - order + 1) :], token, order) for token in range(V)]
        torch.testing.assert_close(p[place], torch.tensor(slowly), rtol=1e-4, atol=1e-6, msg=f"{context}")


def test_discounts_of_the_paper() -> None:
    """40 once, 20 twice, 10 three times, 5 four times: Y = 1/2, so 1 - 1/2, 2 - 3/4 and 3 - 1."""
    counts = torch.tensor([1] * 40 + [2] * 20 + [3] * 10 + [4] * 5 + [9] * 3)
    assert discounts(counts) == pytest.approx([0.5, 1.25, 2.0])
    assert discounts(torch.tensor([7, 8])) == [0.5, 1.0, 1.5]


@pytest.mark.parametrize("rows", [1, 3])
def test_shape_and_sums_to_one(rows: int) -> None:
    model = fitted(text(200, rows), order=5)
    logits, state, *_ = model(text(9, 2).flip(1), None)
    assert logits.shape == (2, 9, V) and state.shape == (2, 4)
    torch.testing.assert_close(logits.exp().sum(2), torch.ones(2, 9))
    assert not list(model.parameters())


def test_rows_are_not_joined() -> None:
    """No bigram of the last token of a row and the first of the next."""
    p = fitted(torch.tensor([[0, 1, 0, 1], [2, 3, 2, 3]]), order=2)(torch.tensor([[1, 0]]), None)[0].exp()[0]
    assert p[0, 0] > 0.4 and p[0, 2] == p[0, 1]  # 1 -> 2 is as unlikely as 1 -> 1, which was never seen either


def test_pieces_with_the_state_are_the_whole() -> None:
    model, ids = fitted(text(300), order=4), text(20).flip(1)
    whole, *_ = model(ids, None)
    state: Any = None
    parts = []
    for piece in ids.split([1, 1, 7, 11], dim=1):
        part, state, *_ = model(piece, state)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)
    assert fitted(text(300), order=4, pieces=300)(ids, None)[0].equal(whole)


@pytest.mark.parametrize("length", [0, 1, 2, 3])
def test_hardly_any_text(length: int) -> None:
    model = fitted(text(length), order=5, pieces=2) if length else NGram(V, order=5).eval()
    logits = model(text(8), None).logits
    torch.testing.assert_close(logits.exp().sum(2), torch.ones(1, 8))
    assert length or logits.allclose(torch.tensor(1 / V).log())


def test_a_state_dict_is_all_of_it() -> None:
    rows = text(100)
    first, second = fitted(rows[:, :60], order=3), NGram(V, order=3)
    second.load_state_dict(first.state_dict())
    assert second.eval()(rows, None)[0].equal(first(rows, None)[0])


def test_a_text_is_read_in_order() -> None:
    with pytest.raises(UserError, match="reads its text in order. Type task.sampling=consecutive."):
        NGram(V, order=3).count([Batch(text(5), text(5), 5, fresh=True)] * 2)


@pytest.mark.slow
def test_a_run_counts_once_and_writes(cli: Cli) -> None:
    """Its length and batches say nothing; going on with it changes nothing, and is not advised."""
    common = ["model=ngram", "stand_in=always", "device=cpu"]
    assert cli(*common, "folder=one")[0] == 0
    other = ["trainer.clip=1", "trainer.log_every_steps=1", "trainer.epochs=3", "task.seq_len=100"]
    assert cli(*common, *other, "folder=two")[0] == 0
    code, _, err = cli("resume", "two")
    assert (code, err.count("\n")) == (2, 1) and "two is complete" in err and "Look at it: dlrun eval two" in err
    assert "trainer." not in err
    assert cli("resume", "two", "trainer.epochs=5")[0] == 0
    one, two = Run("one"), Run("two")
    assert one.summary["step"] == two.summary["step"] == 1
    assert one.summary["status"] == two.summary["status"] == "completed"
    assert one.summary["metrics"]["test/perplexity"] == pytest.approx(two.summary["metrics"]["test/perplexity"])
    assert one.summary["metrics"]["test/perplexity"] < 5
    assert one.weights()["_extra_state"].equal(two.weights()["_extra_state"])
    code, out, _ = cli("sample", "two", "bade", "--length", "5")
    assert (code, len(out.split())) == (0, 6)
