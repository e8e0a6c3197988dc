"""Translation: padding does not count, batches come again alike, and what a sentence is answered."""

import math
from typing import Any

import pytest
import torch
from options import ready
from torch import Tensor, nn

from dlrun.data import fr_en
from dlrun.data.base import Schema
from dlrun.data.fr_en import BOS, EOS, PAD, toy_pairs
from dlrun.draw.alignment import CELL, drawn
from dlrun.errors import UserError
from dlrun.metric import Mean, bleu
from dlrun.model.seq2seq import Seq2Seq
from dlrun.task.translate import Translate


def task(count: int = 23, val: float = 0.0) -> Translate:
    pairs = fr_en.read(map("\t".join, toy_pairs(count)), (0, 1))
    data = fr_en.parallel(
        pairs, tokenizer="word", vocab_size=None, max_words=None, min_freq=1, val=val, test=0.0, seed=0
    )
    return ready(Translate, data, bleu=2)


def seq2seq(translate: Translate, attention: Any = "luong_general") -> Seq2Seq:
    torch.manual_seed(0)
    return Seq2Seq(
        *map(len, (translate.vocab, translate.target_vocab)),
        attention=attention,
        embed=8,
        hidden=8,
        layers=1,
        dropout=0.0,
    )


class Knows(nn.Module):
    """Knows every pair by heart, but for the sentences of `wrong`; says it with a chance of 0.9 a word."""

    def __init__(self, translate: Translate, wrong: int = 0) -> None:
        super().__init__()
        split = translate.splits["train"]
        assert split.y is not None
        self.x, self.y, self.size = split.x, split.y.clone(), len(translate.target_vocab)
        self.y[:wrong, 1] = EOS

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[Tensor]:
        padded = nn.functional.pad(source, (0, self.x.shape[1] - source.shape[1]))
        return (self.y[(padded.unsqueeze(1) == self.x).all(2).long().argmax(1)],)

    def decode(self, prefix: Tensor, known: Tensor) -> tuple[Tensor, None]:
        p = torch.full((*prefix.shape, self.size), 0.1 / (self.size - 1))
        return p.scatter(2, known[:, : prefix.shape[1]].unsqueeze(2), 0.9).log(), None

    def forward(self, source: Tensor, lengths: Tensor, target: Tensor) -> Tensor:
        return self.decode(target, *self.encode(source, lengths))[0]


def evaluated(translate: Translate, model: nn.Module, batch_size: int) -> dict[str, float]:
    means = Mean()
    for batch in translate.batches("train", batch_size, seed=0, epoch=0):
        means.add(translate.step(model.eval(), batch))
    return translate.report(means.means())


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_figures_are_exact_whatever_the_batches(batch_size: int) -> None:
    translate = task()
    figures = evaluated(translate, Knows(translate), batch_size)
    assert figures["loss"] == pytest.approx(-math.log(0.9), rel=1e-5)
    assert figures["perplexity"] == pytest.approx(1 / 0.9, rel=1e-5)
    assert figures["exact"] == pytest.approx(1) and figures["bleu"] == pytest.approx(1)
    some = evaluated(translate, Knows(translate, wrong=5), batch_size)
    assert some["exact"] == pytest.approx(18 / 23)
    split = translate.splits["train"]
    words = [sum(id not in (PAD, EOS) for id in row) for row in split.y.tolist()]  # type: ignore[union-attr]
    expected = (18 + sum(math.exp(1 - n) for n in words[:5])) / 23  # one right word of n
    assert some["bleu"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("attention", ["none", "bahdanau", "luong_dot", "luong_general"])
def test_the_loss_is_a_mean_over_words_not_padding(attention: str) -> None:
    translate = task()
    model = seq2seq(translate, attention)
    one, many = (evaluated(translate, model, size) for size in (1, 23))
    assert one == pytest.approx(many, rel=1e-4)


def test_while_training_nothing_is_translated() -> None:
    translate = task()
    model = seq2seq(translate)
    batch = next(iter(translate.batches("train", 4, seed=0, epoch=0)))
    scores = translate.step(model.train(), batch)
    assert scores.values == {} and scores.n == int((batch.labels != PAD).sum())
    assert translate.report({"loss": 2.0}) == {"loss": 2.0, "perplexity": math.exp(2.0)}


def test_batches() -> None:
    translate = task(val=0.2)
    whole = list(translate.batches("train", 4, seed=3, epoch=2))
    rest = translate.batches("train", 4, seed=3, epoch=2, start=2)
    assert len(rest) == len(whole) == 5
    for a, b in zip(whole[2:], rest, strict=True):
        assert all(x.equal(y) for x, y in zip(a[:4], b[:4], strict=True)) and a.n == b.n
    for batch in whole:
        assert (
            batch.source.shape[1] == batch.lengths.max() and (batch.labels != PAD).sum(1).max() == batch.target.shape[1]
        )
        assert (batch.target[:, 0] == BOS).all() and batch.target[:, 1:].equal(batch.labels[:, :-1])
        assert (batch.source.gather(1, batch.lengths.unsqueeze(1) - 1) == EOS).all()
    seen = sorted(map(tuple, (row[row > EOS].tolist() for batch in whole for row in batch.source)))
    assert seen == sorted(map(tuple, (row[row > EOS].tolist() for row in translate.splits["train"].x)))
    other = next(iter(translate.batches("train", 4, seed=3, epoch=3)))
    assert other.source.shape != whole[0].source.shape or not other.source.equal(whole[0].source)
    first = next(iter(translate.batches("val", 2, seed=3, epoch=2)))
    assert first.source[0].equal(translate.splits["val"].x[0, : first.source.shape[1]])


def test_translate_answers_in_words(capfd: pytest.CaptureFixture[str]) -> None:
    translate = task()
    sentence, answer = toy_pairs(23)[0]
    model = Knows(translate).train()
    found = translate.translate(model, sentence.upper().replace(" .", "."), beam=3, length_penalty=0.75)
    assert " ".join(found[0].words) == answer and found[0].source == [*sentence.split(), "<eos>"]
    length = len(answer.split()) + 1
    assert found[0].score == pytest.approx(length * math.log(0.9) / length**0.75, rel=1e-4)
    assert len(found) == 3 and model.training and capfd.readouterr().err == ""
    assert translate.shown_sample(model, 0)[1].split(" -> ")[1] in [english for _, english in toy_pairs(23)]


def test_wrong_sentences(capfd: pytest.CaptureFixture[str]) -> None:
    translate = task()
    with pytest.raises(UserError, match="The sentence is empty"):
        translate.translate(seq2seq(translate), " ", beam=1, length_penalty=0.75)
    (found,) = translate.translate(seq2seq(translate), "la xyz vidas qqq .", beam=1, length_penalty=0.75)
    assert found.source == ["la", "<unk>", "vidas", "<unk>", ".", "<eos>"]
    assert "read as <unk>: xyz, qqq" in capfd.readouterr().err


def test_only_pairs_can_be_translated() -> None:
    with pytest.raises(UserError, match="task=translate needs pairs of sentences; pick data=fr_en or fra_eng."):
        Translate(Schema({"in_features": 2, "outputs": 1}, "table", "number"), bleu=2)


def test_weights_say_where_it_looked() -> None:
    translate = task()
    (found,) = translate.translate(seq2seq(translate), "la kato vidas unu hundo .", beam=1, length_penalty=0.75)
    assert found.weights is not None and found.weights.shape == (len(found.words) + 1, 7)
    torch.testing.assert_close(found.weights.sum(1), torch.ones(len(found.words) + 1))
    weights = torch.eye(3)
    picture = drawn(weights, ["one", "twofold", "<eos>"], ["a", "b", "<eos>"])
    width, height = picture.size
    for row in range(3):
        for column in range(3):
            x, y = (side - 8 - round((3 - place - 0.5) * CELL) for side, place in ((width, column), (height, row)))
            assert picture.getpixel((x, y)) == (0 if row == column else 255)


def test_no_picture_of_weights_that_are_no_numbers() -> None:
    translate = task()
    assert set(translate.pictures(seq2seq(translate), "")) == {"samples/attention"}
    broken = seq2seq(translate)
    nn.init.constant_(broken.key.weight, math.nan)
    assert translate.pictures(broken, "") == translate.pictures(seq2seq(translate, "none"), "") == {}


def test_bleu() -> None:
    """The book's own examples: A, B, B, C, D of A, B, C, D, E, F (9.7.6), then brevity and the ends."""
    p1, p2, brevity = (4 / 5) ** 0.5, (3 / 4) ** 0.25, math.exp(1 - 6 / 5)
    assert bleu("ABBCD", "ABCDEF", 2) == pytest.approx(brevity * p1 * p2)
    assert bleu("ABC", "ABC", 4) == 1
    assert bleu("ABCDEF", "ABC", 1) == pytest.approx(0.5**0.5)
    assert bleu("AA", "AB", 1) == pytest.approx(0.5**0.5)  # each counts as often as it is there
    assert bleu("", "ABC", 2) == 0 and bleu("XYZ", "ABC", 2) == 0
