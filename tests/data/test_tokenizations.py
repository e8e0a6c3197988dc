"""All tokenizers of the text datasets alike: what they are learned from, and which sizes are refused."""

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from readers import chosen, name_of, stand_in, stand_in_folder, texts_of, tokens

from dlrun.data import imdb, jaychou_lyrics, ptb
from dlrun.errors import UserError

TEXTS = [ptb, jaychou_lyrics, imdb]
pytestmark = pytest.mark.usefixtures("shared")
SIZES = {ptb: 300, jaychou_lyrics: 400, imdb: 400}


# what they are learned from


@pytest.mark.slow
@pytest.mark.parametrize("module", TEXTS, ids=name_of)
def test_learned_again_it_is_the_same(module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, first = stand_in_folder(module), stand_in(module, **tokens("bpe", SIZES[module]))
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path))  # nothing prepared is there
    again = module.load(folder, **chosen(module, **tokens("bpe", SIZES[module])))
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
    found = {}
    for name, texts in (("one", ("abcabc", "xyzxyz")), ("two", ("xyzxyz", "abcabc"))):
        (tmp_path / name).mkdir()
        write(tmp_path / name, *texts)
        held = {} if module is ptb else {"val": 0.0} if module is imdb else {"val": 0.1, "test": 0.1}
        data = module.load(tmp_path / name, **chosen(module, **tokens("bpe", 265), **held))
        found[name] = {token.strip() for token in data.schema.vocab.tokens[256:] if token[0] != "<"}
        assert texts[1] in texts_of(data.schema.vocab, data.test)[0]
    assert "abcabc" in found["one"] and not any(set("xyz") & set(token) for token in found["one"] if len(token) > 1)
    assert "xyzxyz" in found["two"] and not any(set("abc") & set(token) for token in found["two"] if len(token) > 1)


# what is refused


@pytest.mark.parametrize("module", TEXTS, ids=name_of)
def test_sizes_that_do_not_fit_are_refused(module: ModuleType) -> None:
    for tokenizer, size, message in (
        ("char", 500, "data.tokenizer=char has no data.vocab_size. Leave it out or type data.tokenizer=bpe."),
        ("word", 500, "data.tokenizer=word has no data.vocab_size."),
        ("bpe", None, "data.tokenizer=bpe needs a size. Type data.vocab_size=2000, for one."),
        ("bpe", 256, "data.vocab_size=256 is too small: type at least 25[789], as every byte is a token."),
    ):
        with pytest.raises(UserError, match=message):
            stand_in(module, tokenizer=tokenizer, vocab_size=size)
