"""Tokenizers of the text datasets: the way there and back, what they are learned from, and what is refused."""

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from dlrun.config import catalogue
from dlrun.data import imdb, jaychou_lyrics, ptb
from dlrun.data.base import Split
from dlrun.errors import UserError
from dlrun.files import download, stand_ins
from dlrun.text import normalizers
from dlrun.text.vocab import Vocab

TEXTS = [ptb, jaychou_lyrics, imdb]
SIZES = {ptb: 300, jaychou_lyrics: 400, imdb: 400}


def options(module: ModuleType, tokenizer: str, **changed: object) -> dict:
    node = catalogue.read("data", module.__name__.rpartition(".")[2])
    chosen = {"tokenizer": tokenizer, "vocab_size": SIZES[module] if tokenizer == "bpe" else None}
    return {key: value for key, value in node.items() if key not in ("_target_", "name", "files")} | chosen | changed


def stand_in_folder(module: ModuleType) -> Path:
    name = module.__name__.rpartition(".")[2]
    return stand_ins.stand_in(name, module.STAND_IN)[0]


def stand_in(module: ModuleType, tokenizer: str, **changed: object) -> Any:
    return module.load(stand_in_folder(module), **options(module, tokenizer, **changed))


def written(vocab: Vocab, split: Split) -> list[str]:
    assert split.offsets is not None
    begins, ends = split.offsets[:-1].tolist(), split.offsets[1:].tolist()
    return [vocab.text(split.x[begin:end].tolist()) for begin, end in zip(begins, ends, strict=True)]


def ptb_lines() -> list[list[str]]:
    with zipfile.ZipFile(stand_in_folder(ptb) / ptb.FILE) as archive:
        texts = [archive.read(f"ptb/ptb.{part}.txt").decode() for part in ptb.PARTS]
    return [[f"{line.strip()}<eos>" for line in text.splitlines()] for text in texts]


# the way there and back


@pytest.mark.parametrize("tokenizer", ["char", "word", "bpe"])
def test_ptb_can_be_read_back(tokenizer: str) -> None:
    data = stand_in(ptb, tokenizer)
    end, unknown = data.schema.vocab.index["<eos>"], data.schema.vocab.index["<unk>"]
    for split, lines in zip((data.train, data.val, data.test), ptb_lines(), strict=True):
        wanted = [line.replace("<eos>", " <eos>") for line in lines] if tokenizer == "word" else lines
        assert written(data.schema.vocab, split) == wanted
        assert int((split.x == end).sum()) == len(lines)
        assert int((split.x == unknown).sum()) == sum(line.count("<unk>") for line in lines) > 0
        assert data.schema.vocab.ids(wanted[0]) == split.x[: split.offsets[1]].tolist()
    assert data.schema.sizes == {"vocab_size": len(data.schema.vocab)}
    assert len(data.schema.vocab) == {"char": 2 + 13, "word": 51, "bpe": 300}[tokenizer]  # 12 letters and the space


@pytest.mark.parametrize("tokenizer", ["char", "bpe"])
def test_lyrics_can_be_read_back(tokenizer: str) -> None:
    text = jaychou_lyrics.read(stand_in_folder(jaychou_lyrics) / jaychou_lyrics.FILE)
    data, book = stand_in(jaychou_lyrics, tokenizer), stand_in(jaychou_lyrics, tokenizer, max_chars=1000)
    parts = [written(data.schema.vocab, split)[0] for split in (data.train, data.val, data.test)]
    assert "".join(parts) == text and len(parts[1]) == len(parts[2]) == round(0.05 * len(text))
    assert written(book.schema.vocab, book.train) == [text[:1000]] and book.val is None
    assert "all 1,000 characters" in book.note


def test_lyrics_in_words_are_phrases_and_those_of_other_parts_unknown() -> None:
    text = jaychou_lyrics.read(stand_in_folder(jaychou_lyrics) / jaychou_lyrics.FILE)
    data = stand_in(jaychou_lyrics, "word", val=0.0, test=0.2)
    assert data.val is None and data.schema.vocab.tokens[0] == "<unk>"
    known = text[: len(text) - round(0.2 * len(text))].split()
    assert written(data.schema.vocab, data.train) == [" ".join(known)] and set(data.schema.vocab.tokens[1:]) == set(
        known
    )
    rest = text[len(text) - round(0.2 * len(text)) :].split()
    assert written(data.schema.vocab, data.test) == [" ".join(word if word in known else "<unk>" for word in rest)]
    assert 0 < int((data.test.x == 0).sum()) < len(data.test.x)


@pytest.mark.slow
@pytest.mark.parametrize("tokenizer", ["char", "word", "bpe"])
def test_reviews_can_be_read_back(tokenizer: str) -> None:
    found = imdb.held_apart(stand_in_folder(imdb) / imdb.FILE, 0.1, 0)
    data = stand_in(imdb, tokenizer)
    for split, reviews in zip((data.train, data.val, data.test), found.values(), strict=True):
        texts = [review.text for review in reviews]
        if tokenizer == "word":
            texts = [" ".join(normalizers.review(text).split()) for text in texts]
        assert written(data.schema.vocab, split) == texts
        assert split.y.tolist() == [review.label for review in reviews]
        assert split.x.dtype == torch.int32 and split.x.min() > 0  # 0 is for padding alone
    assert data.schema.vocab.tokens[0] == "<pad>"


def test_characters_that_are_rare_in_the_training_part_are_unknown() -> None:
    data = stand_in(imdb, "char", max_vocab=20)
    assert (
        len(data.schema.vocab) == 22
        and data.schema.vocab.tokens[:2] == ["<pad>", "<unk>"]
        and " " in data.schema.vocab.index
    )
    assert data.schema.vocab.ids("a\u2603") == [data.schema.vocab.index["a"], 1] and (data.train.x == 1).any()


# what they are learned from


@pytest.mark.slow
@pytest.mark.parametrize("module", TEXTS, ids=lambda module: module.__name__.rpartition(".")[2])
def test_learned_again_it_is_the_same(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, first = stand_in_folder(module), stand_in(module, "bpe")
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path))  # nothing prepared is there
    again = module.load(folder, **options(module, "bpe"))
    assert again.schema.vocab.to_json() == first.schema.vocab.to_json()
    assert all(torch.equal(getattr(again, part).x, getattr(first, part).x) for part in ("train", "val", "test"))


def ptb_file(folder: Path, train: str, other: str) -> None:
    with zipfile.ZipFile(folder / ptb.FILE, "w") as archive:
        for part, line in zip(ptb.PARTS, (train, other, other), strict=True):
            archive.writestr(f"ptb/ptb.{part}.txt", f" {line} \n" * 10)


def lyrics_file(folder: Path, train: str, other: str) -> None:
    with zipfile.ZipFile(folder / jaychou_lyrics.FILE, "w") as archive:
        archive.writestr(jaychou_lyrics.MEMBER, f"{train} " * 100 + f"{other} " * 20)


def imdb_file(folder: Path, train: str, other: str) -> None:
    with tarfile.open(folder / imdb.FILE, "w:gz") as archive:
        for label in imdb.FOLDERS:
            for number in range(10):
                imdb.add(archive, f"aclImdb/train/{label}/{number}_1.txt", train)
                imdb.add(archive, f"aclImdb/test/{label}/{number}_1.txt", other)


@pytest.mark.parametrize("module, write", [(ptb, ptb_file), (jaychou_lyrics, lyrics_file), (imdb, imdb_file)])
def test_byte_pairs_see_the_training_part_alone(
    module: ModuleType, write: Callable[[Path, str, str], None], tmp_path: Path
) -> None:
    tokens = {}
    for name, texts in (("one", ("abcabc", "xyzxyz")), ("two", ("xyzxyz", "abcabc"))):
        (tmp_path / name).mkdir()
        write(tmp_path / name, *texts)
        held = {} if module is ptb else {"val": 0.0} if module is imdb else {"val": 0.1, "test": 0.1}
        data = module.load(tmp_path / name, **options(module, "bpe", vocab_size=265, **held))
        tokens[name] = {token.strip() for token in data.schema.vocab.tokens[256:] if token[0] != "<"}
        assert texts[1] in written(data.schema.vocab, data.test)[0]
    assert "abcabc" in tokens["one"] and not any(set("xyz") & set(token) for token in tokens["one"] if len(token) > 1)
    assert "xyzxyz" in tokens["two"] and not any(set("abc") & set(token) for token in tokens["two"] if len(token) > 1)


def test_each_tokenizer_is_prepared_by_itself_and_read_no_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stand_in_folder(ptb)
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path))
    for chosen in (
        options(ptb, "char"),
        options(ptb, "word"),
        options(ptb, "bpe"),
        options(ptb, "bpe", vocab_size=310),
    ):
        ptb.load(folder, **chosen)
    assert len(list((tmp_path / "prepared").glob("ptb-*.pt"))) == 4
    monkeypatch.setattr(ptb, "prepare", lambda *_, **__: pytest.fail("read again"))
    assert len(ptb.load(folder, tokenizer="bpe", vocab_size=310).schema.vocab or ()) == 310


# what is refused


@pytest.mark.parametrize("module", TEXTS, ids=lambda module: module.__name__.rpartition(".")[2])
def test_sizes_that_do_not_fit_are_refused(module: ModuleType) -> None:
    for tokenizer, size, message in (
        ("char", 500, "data.tokenizer=char has no data.vocab_size. Leave it out or type data.tokenizer=bpe."),
        ("word", 500, "data.tokenizer=word has no data.vocab_size."),
        ("bpe", None, "data.tokenizer=bpe needs a size. Type data.vocab_size=2000, for one."),
        ("bpe", 256, "data.vocab_size=256 is too small: type at least 25[789], as every byte is a token."),
    ):
        with pytest.raises(UserError, match=message):
            stand_in(module, tokenizer, vocab_size=size)


def test_the_most_frequent_words_are_no_byte_pairs() -> None:
    with pytest.raises(UserError, match=r"data.max_vocab is for words and characters. Type data.vocab_size=… alone."):
        stand_in(imdb, "bpe", max_vocab=10)


# the real files


@pytest.mark.real_data
@pytest.mark.slow
def test_ptb_in_characters_and_byte_pairs(shared_root: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLRUN_DATA", shared_root[0])
    monkeypatch.setenv("DLRUN_MIRRORS", shared_root[1])
    folder, _ = download.get("ptb", catalogue.read("data", "ptb")["files"])
    char: Any = ptb.load(folder, tokenizer="char", vocab_size=None)
    pairs: Any = ptb.load(folder, tokenizer="bpe", vocab_size=5000)
    assert [len(split.x) for split in (char.train, char.val, char.test)] == [4837402, 379102, 423247]
    assert [len(split) for split in (pairs.train, pairs.val, pairs.test)] == [42068, 3370, 3761]
    assert char.schema.sizes == {"vocab_size": 49} and pairs.schema.sizes == {"vocab_size": 5000}
    assert pairs.schema.vocab.text(pairs.test.x.tolist()) == char.schema.vocab.text(char.test.x.tolist())
