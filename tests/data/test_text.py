"""A text of the user's own: read in any form and encoding, cut in parts, mapped where large, refused in one message."""

from pathlib import Path
from typing import Any

import pytest
import torch
from options import options, ready
from readers import own, written

from dlrun.data import text as own_text
from dlrun.data.base import Data, Split
from dlrun.errors import UserError
from dlrun.task.lm import LanguageModel
from dlrun.text import pieces

BOOK = "It was a dark night; the Löwe slept.\nNobody spoke.\n" * 40


def words_of(data: Data, split: Split | None) -> str:
    assert data.schema.vocab and split
    return data.schema.vocab.text(split.x.flatten().tolist())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("tokenizer", ["char", "bpe"])
def test_a_text_is_read_whole_in_any_encoding(tmp_path: Path, encoding: str, tokenizer: str) -> None:
    path = written(tmp_path / "book.txt", BOOK.replace("\n", "\r\n").encode(encoding))
    size = 300 if tokenizer == "bpe" else None
    data = own("text", path, tokenizer=tokenizer, vocab_size=size, encoding="cp1252" if encoding == "cp1252" else None)
    assert "".join(words_of(data, part) for part in (data.train, data.val, data.test)) == BOOK
    assert len(words_of(data, data.val)) == len(words_of(data, data.test)) == round(len(BOOK) * 0.05)


def test_what_was_read_is_said_in_two_lines(tmp_path: Path) -> None:
    data = own("text", written(tmp_path / "book.txt", BOOK))
    assert data.said == (
        f"reading book.txt: {len(BOOK):,} characters, {len(set(BOOK))} different, utf-8",
        f"train {len(data.train.x):,}, val 102, test 102 tokens -> its_task",
    )
    assert list(data.sha256) == ["book.txt"]


def test_a_folder_is_joined_by_name_and_has_one_digest(tmp_path: Path) -> None:
    written(tmp_path / "b/2.txt", "second " * 20)
    written(tmp_path / "b/1.md", "first " * 20)
    written(tmp_path / "b/deep/3.txt", "third " * 20)
    written(tmp_path / "b/.hidden.txt", "no")
    written(tmp_path / "b/picture.png", b"\x89PNG")
    data = own("text", tmp_path / "b", val=0.0, test=0.0)
    assert words_of(data, data.train) == "first " * 20 + "\n" + "second " * 20 + "\n" + "third " * 20
    assert data.note and list(data.sha256) == ["b"]
    written(tmp_path / "b/2.txt", "Second " * 20)
    assert own("text", tmp_path / "b").sha256 != data.sha256


def test_parts_may_be_named_files_and_what_they_alone_hold_is_unknown(tmp_path: Path) -> None:
    path, val = written(tmp_path / "a.txt", "abcd" * 50), written(tmp_path / "v.txt", "abxd" * 5)
    data = own("text", path, val_path=str(val), test=0.1)
    assert len(own("text", path, val_path=str(written(tmp_path / "v/a.txt", "abcd"))).sha256) == 2
    assert (len(data.train.x), words_of(data, data.val)) == (180, "ab<unk>d" * 5)


def test_words_are_apart_from_punctuation_and_rare_ones_unknown(tmp_path: Path) -> None:
    data = own("text", written(tmp_path / "a.txt", "“Go!” 猫犬, go. " * 9 + "once"), tokenizer="word", val=0, test=0)
    assert words_of(data, data.train).endswith("“ go ! ” 猫 犬 , go . <unk>")


@pytest.mark.parametrize("tokenizer", ["char", "word", "bpe"])
def test_a_large_text_is_mapped_and_its_batches_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokenizer: str
) -> None:
    """Cut at other places, too, as its pieces are small here."""
    path, test = written(tmp_path / "book.txt", BOOK), str(written(tmp_path / "test.txt", BOOK[:500]))
    chosen: dict[str, Any] = {
        "tokenizer": tokenizer,
        "vocab_size": 300 if tokenizer == "bpe" else None,
        "test_path": test,
    }
    small = own("text", path, **chosen)
    monkeypatch.setattr(own_text, "IN_MEMORY", 100)
    monkeypatch.setattr(own_text, "PIECE", dict.fromkeys(own_text.PIECE, 7))
    large, again = (own("text", path, **chosen) for _ in range(2))
    assert large.said == again.said == small.said and large.sha256 == small.sha256
    assert large.train.mapped and large.train.x.dtype in (torch.uint8, torch.int16)
    for sampling in ("consecutive", "random"):
        tasks = [
            ready(LanguageModel, data, **options("task/lm", seq_len=5, sampling=sampling))
            for data in (small, large, again)
        ]
        for split in ("train", "val", "test"):
            for one, *others in zip(*(task.batches(split, 4, seed=1, epoch=2) for task in tasks), strict=True):
                for other in others:
                    assert one.ids.equal(other.ids) and one.targets.equal(other.targets) and one.n == other.n


def test_a_byte_that_is_no_text_is_named_wherever_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "bad.txt", "ä".encode() * 5000 + b"\xff" + b"abc")
    with pytest.raises(UserError, match="not utf-8 text at byte 10,000"):
        own("text", path, encoding="utf-8")
    monkeypatch.setattr(pieces, "HEAD", 1000)  # of a large file no more is looked at
    with pytest.raises(UserError, match="not utf-8 text at byte 10,000"):
        own("text", path)


@pytest.mark.parametrize(
    ("content", "changed", "message"),
    [
        ("", {}, "empty"),
        (" \n\n", {}, "empty"),
        (bytes(range(256)) * 50, {}, "no text in any known encoding"),
        ("abc", {}, "too short.* for val; .* Take a longer text, or hold nothing out: data.val=0 data.test=0$"),
        ("a", {}, "too short: it leaves 1 token for train; 2 are the least. Take a longer text$"),
        ("a", {"val": 0.0, "test": 0.0}, "it leaves 1 token for train; 2 are the least. Take a longer text$"),
        ("a" * 200, {}, "a.txt: the part to train on is 'a' all over: there is nothing to predict."),
        (
            "once upon a time there was",
            {"tokenizer": "word", "val": 0.0, "test": 0.0},
            "No word that is trained on occurs data.min_freq=2 times. Type data.min_freq=1$",
        ),
        ("abc" * 9, {"val": 0.6, "test": 0.6}, "nothing to train on"),
        ("abc" * 99, {"encoding": "nonsense"}, "no such encoding"),
        ("abc" * 99, {"tokenizer": "bpe"}, "needs a size"),
    ],
)
def test_a_text_that_can_not_be_read(tmp_path: Path, content: str | bytes, changed: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        own("text", written(tmp_path / "a.txt", content), **changed)


def test_what_is_not_there_is_said_with_what_is(tmp_path: Path) -> None:
    written(tmp_path / "book.txt", BOOK)
    (tmp_path / "empty").mkdir()
    for path, message in ((tmp_path / "bok.txt", "book.txt"), (tmp_path / "empty", "without a text"), (None, "FILE")):
        with pytest.raises(UserError, match=message):
            own("text", path)
