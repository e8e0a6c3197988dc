"""Language modelling: every token predicted once, perplexity exact, the state carried where it should be."""

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from options import options, ready
from torch import Tensor, nn

from dlrun.data.base import Data, Schema, Split
from dlrun.errors import UserError
from dlrun.metric import Mean
from dlrun.model.base import Output
from dlrun.model.rnn import GRU, LSTM
from dlrun.task.lm import IGNORE, LanguageModel, pick
from dlrun.text.vocab import Vocab

V = 7
RECURRENT: dict[str, Any] = {
    "embed": 6,
    "hidden": 6,
    "layers": 1,
    "dropout": 0.0,
    "tied": False,
    "bidirectional": False,
}


def stream(length: int, seed: int = 0) -> Split:
    x = torch.randint(V, (length,), generator=torch.Generator().manual_seed(seed))
    return Split(x, offsets=torch.tensor([0, length]))


def task(length: int = 200, *, seq_len: int = 5, sampling: Any = "consecutive") -> LanguageModel:
    vocab = Vocab([*"abcdef", "<unk>"], tokenization="word")
    data = Data(stream(length), stream(61, 1), None, Schema({"vocab_size": V}, "text", vocab=vocab))
    return ready(LanguageModel, data, goal="min perplexity", seq_len=seq_len, sampling=sampling)


class Bigram(nn.Module):
    """Knows log p(next | token) from a table; its state is the last token that it saw."""

    def __init__(self) -> None:
        super().__init__()
        table = torch.rand(V, V, generator=torch.Generator().manual_seed(9)) + 0.1
        self.log_p = (table / table.sum(1, keepdim=True)).log()

    def forward(self, ids: Tensor, state: Any) -> Any:
        return Output(self.log_p[ids], ids[:, -1])


@pytest.mark.parametrize("length", [2, 3, 36, 100, 101, 103, 200])
@pytest.mark.parametrize("batch_size", [1, 4, 7, 1000])
def test_every_token_is_predicted_once_and_perplexity_is_exact(length: int, batch_size: int) -> None:
    lm, model, means = task(length), Bigram(), Mean()
    x = lm.splits["train"].x
    seen = []
    for batch in lm.batches("train", batch_size, seed=0, epoch=0):
        means.add(lm.step(model, batch))
        counted = batch.targets != IGNORE
        assert batch.n == int(counted.sum()) > 0
        seen += list(zip(batch.ids[counted].tolist(), batch.targets[counted].tolist(), strict=True))
    assert means.n == length - 1
    pairs = list(zip(x[:-1].tolist(), x[1:].tolist(), strict=True))
    assert sorted(seen) == sorted(pairs)
    nll = -sum(model.log_p[a, b].double().item() for a, b in pairs)
    assert lm.report(means.means())["perplexity"] == pytest.approx(math.exp(nll / (length - 1)), rel=1e-5)


def test_rows_are_read_side_by_side() -> None:
    """103 tokens in 4 rows: row r begins with token 26 r, and the batches of a row follow each other."""
    lm = task(103)
    batches = list(lm.batches("train", 4, seed=0, epoch=0))
    assert [batch.fresh for batch in batches] == [True] + [False] * 5
    ids = torch.cat([batch.ids for batch in batches], dim=1)
    assert ids.shape == (4, 26)
    assert ids.flatten()[:102].equal(lm.splits["train"].x[:102])


@pytest.mark.parametrize("cell", [GRU, LSTM])
def test_carried_state_makes_the_pieces_a_whole(cell: type[GRU] | type[LSTM]) -> None:
    torch.manual_seed(0)
    model = cell(V, **RECURRENT)
    losses = []
    for seq_len in (5, 1000):
        lm, means = task(101, seq_len=seq_len), Mean()
        for batch in lm.batches("train", 1, seed=0, epoch=0):
            means.add(lm.step(model, batch))
        losses.append(means.means()["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    fresh = Mean()
    for batch in task(101).batches("train", 1, seed=0, epoch=0):  # without the carry it is another number
        fresh.add(task(101).step(model, batch))
    assert abs(fresh.means()["loss"] - losses[0]) > 1e-5


def test_gradients_stay_within_a_batch() -> None:
    lm, model = task(), LSTM(V, **RECURRENT)
    first, second, *_ = lm.batches("train", 4, seed=0, epoch=0)
    lm.step(model, first)
    carried: Any = lm.carry[True]
    assert not any(part.requires_grad for part in carried)
    lm.step(model, second).loss.backward()  # would fail, or be slower with each batch, if the graph went on


def test_evaluation_leaves_the_training_state_alone() -> None:
    """Of any split, the training part's own too."""
    torch.manual_seed(0)
    lm, model = task(), LSTM(V, **RECURRENT)
    batches = list(lm.batches("train", 4, seed=0, epoch=0))
    lm.step(model, batches[0])
    carried: Any = lm.carry[True]
    kept = [part.clone() for part in carried]
    model.eval()
    for split in ("val", "train"):
        for batch in lm.batches(split, 4, seed=0, epoch=0):
            lm.step(model, batch)
    carried = lm.carry[True]
    assert all(a.equal(b) for a, b in zip(kept, carried, strict=True))


@pytest.mark.parametrize("cell", [GRU, LSTM])
def test_state_goes_through_a_checkpoint(cell: type[GRU] | type[LSTM], tmp_path: Any) -> None:
    torch.manual_seed(0)
    lm, model = task(), cell(V, **RECURRENT)
    batches = list(lm.batches("train", 4, seed=0, epoch=0))
    for batch in batches[:3]:
        lm.step(model, batch)
    torch.save(lm.state_dict(), tmp_path / "state.pt")
    expected = lm.step(model, batches[3]).loss
    again = task()
    again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    following = next(iter(again.batches("train", 4, seed=0, epoch=0, start=3)))
    assert again.step(model, following).loss.equal(expected)
    empty = task()
    empty.load_state_dict(task().state_dict())  # of a run that was stopped before its first step
    assert empty.step(model, batches[0]).loss.isfinite()


@pytest.mark.parametrize("sampling", ["consecutive", "random"])
def test_a_pass_can_begin_in_the_middle(sampling: str) -> None:
    whole = list(task(sampling=sampling).batches("train", 4, seed=3, epoch=2))
    rest = task(sampling=sampling).batches("train", 4, seed=3, epoch=2, start=2)
    assert len(rest) == len(whole)
    for a, b in zip(whole[2:], rest, strict=True):
        assert a.ids.equal(b.ids) and a.targets.equal(b.targets) and (a.n, a.fresh) == (b.n, b.fresh)


def test_random_windows() -> None:
    """Whole windows that do not overlap, each with a fresh state, others in each pass."""
    vocab = Vocab(map(str, range(103)), tokenization="word")
    data = Data(
        Split(torch.arange(103), offsets=torch.tensor([0, 103])),
        None,
        None,
        Schema({"vocab_size": 103}, "text", vocab=vocab),
    )
    lm = ready(LanguageModel, data, goal="min perplexity", seq_len=5, sampling="random")
    batches = list(lm.batches("train", 4, seed=0, epoch=0))
    assert all(batch.fresh and batch.targets.equal(batch.ids + 1) for batch in batches)
    ids = torch.cat([batch.ids for batch in batches])
    assert ids.shape[0] in (19, 20) and len(ids.unique()) == ids.numel()
    assert (ids[:, 1:] - ids[:, :-1] == 1).all()
    assert not ids[:, 0].equal(ids[:, 0].sort().values)
    offsets = {int(next(iter(lm.batches("train", 99, seed=0, epoch=e))).ids.min()) for e in range(30)}
    assert offsets == {0, 1, 2, 3, 4}


def test_random_windows_are_asked_for_ahead() -> None:
    """Where they lie in the whole file, inputs and targets, and each batch's before it is made."""
    asked: list[tuple[int, ...]] = []

    def ask(begins: Sequence[int], count: int) -> None:
        asked.append(tuple(token for begin in begins for token in range(begin, begin + count)))

    part = Split(torch.arange(150)[47:], offsets=torch.tensor([0, 103]), mapped=True, read_ahead=ask)
    vocab = Vocab(map(str, range(150)), tokenization="word")
    data = Data(part, part, None, Schema({"vocab_size": 150}, "text", vocab=vocab))
    lm = ready(LanguageModel, data, goal="min perplexity", seq_len=5, sampling="random")
    used = [
        {*batch.ids.flatten().tolist(), *batch.targets.flatten().tolist()}
        for batch in lm.batches("train", 4, seed=0, epoch=0)
    ]
    assert [set(each) for each in asked] == used
    assert list(lm.batches("val", 4, seed=0, epoch=0)) and len(asked) == len(used)  # in order: the system sees to it


# writing


def write(lm: LanguageModel, prompt: str = "a b", **changed: Any) -> str:
    chosen: dict[str, Any] = {"length": 30, "temperature": 1.0, "top_k": None, "seed": 0} | changed
    return lm.sample(Bigram(), prompt, **chosen)


def test_sample_follows_the_model() -> None:
    lm, model = task(), Bigram()
    words = write(lm, temperature=0).split()
    assert words[:2] == ["a", "b"] and len(words) == 32
    ids = lm.vocab.encode(words)
    assert all(int(model.log_p[a].argmax()) == b for a, b in zip(ids[1:], ids[2:], strict=False))
    assert write(lm) == write(lm) != write(lm, seed=1)
    assert write(lm, top_k=1) == write(lm, temperature=0)
    long = lm.vocab.encode(write(lm, length=4000).split())
    follow = torch.tensor([b for a, b in zip(long, long[1:], strict=False) if a == 2])
    torch.testing.assert_close(
        torch.bincount(follow, minlength=V) / len(follow), model.log_p[2].exp(), atol=0.06, rtol=0
    )


def test_sample_leaves_random_state_and_mode_alone() -> None:
    lm, model = task(), LSTM(V, **{**RECURRENT, "dropout": 0.5})
    before = torch.get_rng_state()
    text = lm.sample(model, "a", length=5, temperature=1.0, top_k=3, seed=0)
    assert text == lm.sample(model, "a", length=5, temperature=1.0, top_k=3, seed=0)
    assert torch.get_rng_state().equal(before) and model.training


def test_pick_leaves_its_logits_alone() -> None:
    logits = torch.tensor([0.0, 3.0, 2.0, 1.0])
    drawn = {pick(logits, 5.0, 2, torch.Generator().manual_seed(seed)) for seed in range(50)}
    assert drawn == {1, 2}
    assert logits.tolist() == [0, 3, 2, 1]


def test_prompt_is_refused() -> None:
    with pytest.raises(UserError, match="The prompt is empty"):
        write(task(), " ")
    with pytest.raises(UserError, match="xyz is not in the vocabulary of 7"):
        write(task(), "a xyz")


def test_only_text_can_be_modelled() -> None:
    with pytest.raises(UserError, match="task=lm needs text"):
        LanguageModel(Schema({"in_features": 2, "outputs": 1}, "table", "number"), **options("task/lm"))


def test_default_prompt_and_shown_sample() -> None:
    lm = task()
    assert lm.vocab.encode(lm.prompt().split()) == lm.splits["train"].x[:2].tolist()
    prompt, shown = lm.shown_sample(Bigram(), 0)
    assert prompt == lm.prompt() and shown.startswith(prompt) and len(shown.split()) == 102


def test_the_default_prompt_leaves_unknown_tokens_out() -> None:
    """They would be split into < and unk and > where they stand in a prompt."""
    lm = task()
    lm.vocab = Vocab([*"abcdef", "<unk>"], tokenization="word", unknown="<unk>")
    lm.splits["train"].x[:6] = torch.tensor([6, 6, 0, 6, 1, 2])  # 6 is <unk>
    assert lm.prompt() == "b c"
    lm.splits["train"].x[:] = 6
    lm.splits["train"].x[7] = 3
    assert lm.prompt() == "d"


def test_random_windows_need_twice_their_length() -> None:
    """With fewer tokens some pass has none, whatever its offset."""
    for epoch in range(20):
        assert len(task(length=10, sampling="random").batches("train", 4, seed=0, epoch=epoch)) == 1
    with pytest.raises(UserError, match="needs 10 tokens to train on, and there are 9. Type task.seq_len=4, or"):
        task(length=9, sampling="random").batches("train", 4, seed=0, epoch=0)


def test_the_baseline_counts_unigrams() -> None:
    lm = task()
    train, val = (lm.splits[name].x.tolist() for name in ("train", "val"))
    nats = -sum(math.log((train.count(token) + 1) / (len(train) + V)) for token in val[1:]) / (len(val) - 1)
    assert lm.baseline("val") == pytest.approx({"loss": nats, "perplexity": math.exp(nats)})
    lm.splits["val"] = Split(lm.splits["val"].x[:1])
    assert lm.baseline("val") == {}
