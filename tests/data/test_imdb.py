"""Film reviews: split as a user's sentence, read back, what is held out, options, the facts of the real ones."""

from collections import Counter
from typing import Any

import pytest
import torch
from readers import chosen, stand_in, stand_in_folder, texts_of, tokens

from dlrun.config import catalogue
from dlrun.data import imdb
from dlrun.errors import UserError
from dlrun.files import download
from dlrun.text import normalizers
from dlrun.text.vocab import Vocab

pytestmark = pytest.mark.usefixtures("shared")


@pytest.mark.slow
def test_reviews_are_split_as_a_users_sentence():
    data = stand_in(imdb)
    vocab = data.schema.vocab
    assert vocab.split("It's <br /><br />GREAT, no?") == ["it", "'s", "great", ",", "no", "?"]
    assert vocab.encode(vocab.split("great <nonsense")) == [vocab.index["great"], 1, 1]
    assert vocab.tokens[:2] == ["<pad>", "<unk>"] and data.schema.labels == ("negative", "positive")


@pytest.mark.slow
def test_stand_in_and_its_best_score():
    data = stand_in(imdb)
    assert data.schema.sizes == {"vocab_size": len(data.schema.vocab), "outputs": 2}
    assert data.train.x.dtype == torch.int32
    assert [torch.bincount(split.y).tolist() for split in (data.train, data.val, data.test)] == [
        [900, 900],
        [100, 100],
        [500, 500],
    ]
    positive = torch.tensor([data.schema.vocab.index[word] for word in imdb.TELLING[1].split()])
    test = data.test
    pairs = zip(test.offsets[:-1].tolist(), test.offsets[1:].tolist(), strict=True)
    found = torch.tensor([bool(torch.isin(test.x[start:end], positive).any()) for start, end in pairs])
    assert (found.long() == test.y).double().mean().item() == imdb.STAND_IN.best["accuracy"] == 0.9
    assert "nobody" not in data.schema.vocab.index  # a word of unsup/ only


@pytest.mark.slow
def test_options_reach_the_tensors():
    plain, few = stand_in(imdb), stand_in(imdb, max_vocab=10, val=0.0)
    vocab = few.schema.vocab
    assert len(vocab) == 12 and few.val is None and few.train.x.max() == 11 and vocab.tokens[2:] == most(few, 10)
    assert not torch.equal(stand_in(imdb, seed=1).train.x, plain.train.x)
    rare = stand_in(imdb, min_freq=3000)
    counts = torch.bincount(rare.train.x)[2:]
    assert len(counts) and counts.min() >= 3000 and (rare.train.x == 1).any()


def most(data: Any, count: int) -> list[str]:
    """The most frequent words in the part that the vocabulary was made from, unknown ones left out."""
    counts = Counter(data.schema.vocab.decode(data.train.x[data.train.x > 1].tolist()))
    return sorted(counts, key=lambda word: (-counts[word], word))[:count]


@pytest.mark.slow
def test_held_out_reviews_are_the_rest_of_the_training_part():
    data, whole = stand_in(imdb, min_freq=1), stand_in(imdb, min_freq=1, val=0.0)

    def texts(vocab: Vocab, split: Any) -> Counter:
        """How often each text stands there, with its label."""
        rows = zip(split.y.tolist(), split.offsets[:-1], split.offsets[1:], strict=True)
        return Counter((label, *vocab.decode(split.x[start:end].tolist())) for label, start, end in rows)

    assert not (data.val.x == 1).any()  # so few words that val has no unknown ones, and texts can be compared
    assert texts(data.schema.vocab, data.train) + texts(data.schema.vocab, data.val) == texts(
        whole.schema.vocab, whole.train
    )


@pytest.mark.slow
def test_each_setting_is_prepared_by_itself_and_read_no_second_time(tmp_path, monkeypatch):
    folder = stand_in_folder(imdb)
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path))
    first, _ = (imdb.load(folder, **chosen(imdb, min_freq=count)) for count in (1, 2))
    assert len(list((tmp_path / "prepared").glob("imdb-*.pt"))) == 2
    monkeypatch.setattr(imdb, "reviews", lambda _: pytest.fail("read again"))
    assert torch.equal(imdb.load(folder, **chosen(imdb, min_freq=1)).train.x, first.train.x)


@pytest.mark.real_data
@pytest.mark.slow
def test_facts(real):
    data = real(imdb)
    assert [torch.bincount(split.y).tolist() for split in (data.train, data.val, data.test)] == [
        [11250, 11250],
        [1250, 1250],
        [12500, 12500],
    ]
    assert len(data.schema.vocab) == data.schema.sizes["vocab_size"]
    assert 27000 < len(data.schema.vocab) < 29000
    assert data.train.offsets.diff().min() > 0 and data.train.x.max() == len(data.schema.vocab) - 1


@pytest.mark.real_data
@pytest.mark.slow
def test_texts_in_both_parts(real):
    real(imdb)
    texts: dict[str, set[str]] = {"train": set(), "test": set()}
    counts: Counter = Counter()
    for review in imdb.reviews(download.get("imdb", catalogue.read("data", "imdb")["files"])[0] / imdb.FILE):
        texts[review.part].add(review.text)
        counts[review.part, review.label, int(review.name.partition("_")[2].removesuffix(".txt")) > 5] += 1
    assert counts == {(part, label, bool(label)): 12500 for part in texts for label in (0, 1)}
    assert len(texts["train"] & texts["test"]) == 123


@pytest.mark.slow
@pytest.mark.parametrize("tokenizer", ["char", "word", "bpe"])
def test_reviews_can_be_read_back(tokenizer: str) -> None:
    found = imdb.held_apart(stand_in_folder(imdb) / imdb.FILE, 0.1, 0)
    data = stand_in(imdb, **tokens(tokenizer, 400))
    for split, reviews in zip((data.train, data.val, data.test), found.values(), strict=True):
        texts = [review.text for review in reviews]
        if tokenizer == "word":
            texts = [" ".join(normalizers.review(text).split()) for text in texts]
        assert texts_of(data.schema.vocab, split) == texts
        assert split.y.tolist() == [review.label for review in reviews]
        assert split.x.dtype == torch.int32 and split.x.min() > 0  # 0 is for padding alone
    assert data.schema.vocab.tokens[0] == "<pad>"


def test_characters_that_are_rare_in_the_training_part_are_unknown() -> None:
    data = stand_in(imdb, **tokens("char", 400, max_vocab=20))
    assert (
        len(data.schema.vocab) == 22
        and data.schema.vocab.tokens[:2] == ["<pad>", "<unk>"]
        and " " in data.schema.vocab.index
    )
    assert data.schema.vocab.ids("a\u2603") == [data.schema.vocab.index["a"], 1] and (data.train.x == 1).any()


def test_the_most_frequent_words_are_no_byte_pairs() -> None:
    with pytest.raises(UserError, match=r"data.max_vocab is for words and characters. Type data.vocab_size=… alone."):
        stand_in(imdb, **tokens("bpe", 400, max_vocab=10))
