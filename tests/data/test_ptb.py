"""Penn Treebank: lines and their ends, read back from each kind of token, prepared once, facts of the real one."""

import zipfile
from pathlib import Path

import pytest
from readers import stand_in, stand_in_folder, texts_of, tokens

from dlrun.data import ptb

pytestmark = pytest.mark.usefixtures("shared")


def test_it_is_read_line_by_line():
    data = stand_in(ptb)
    assert data.schema.sizes == {"vocab_size": len(data.schema.vocab)} and ptb.UNKNOWN in data.schema.vocab.index
    end = data.schema.vocab.index[ptb.END]
    for split, lines in ((data.train, 3000), (data.val, 500), (data.test, 500)):
        assert len(split) == lines and split.offsets[0] == 0 and split.offsets[-1] == len(split.x)
        assert (split.x[split.offsets[1:] - 1] == end).all() and (split.x == end).sum() == lines
    assert data.schema.vocab.unknown == data.schema.vocab.index[ptb.UNKNOWN]


@pytest.mark.real_data
def test_facts(real):
    data = real(ptb)
    assert [len(split.x) for split in (data.train, data.val, data.test)] == [929589, 73760, 82430]
    assert [len(split) for split in (data.train, data.val, data.test)] == [42068, 3370, 3761]
    assert data.schema.sizes == {"vocab_size": 10000}
    assert data.schema.vocab.tokens[:3] == ["the", "<unk>", "<eos>"]
    first = data.schema.vocab.decode(data.train.x[: data.train.offsets[1]].tolist())
    assert first[:3] == ["aer", "banknote", "berlitz"] and first[-1] == "<eos>"
    vocab, ids = data.schema.vocab, data.test.x.tolist()
    assert vocab.ids(vocab.text(ids)) == ids  # `N`, a number, too


def ptb_lines() -> list[list[str]]:
    with zipfile.ZipFile(stand_in_folder(ptb) / ptb.FILE) as archive:
        texts = [archive.read(f"ptb/ptb.{part}.txt").decode() for part in ptb.PARTS]
    return [[f"{line.strip()}<eos>" for line in text.splitlines()] for text in texts]


@pytest.mark.parametrize("tokenizer", ["char", "word", "bpe"])
def test_it_can_be_read_back(tokenizer: str) -> None:
    data = stand_in(ptb, **tokens(tokenizer, 300))
    end, unknown = data.schema.vocab.index["<eos>"], data.schema.vocab.index["<unk>"]
    for split, lines in zip((data.train, data.val, data.test), ptb_lines(), strict=True):
        wanted = [line.replace("<eos>", " <eos>") for line in lines] if tokenizer == "word" else lines
        assert texts_of(data.schema.vocab, split) == wanted
        assert int((split.x == end).sum()) == len(lines)
        assert int((split.x == unknown).sum()) == sum(line.count("<unk>") for line in lines) > 0
        assert data.schema.vocab.ids(wanted[0]) == split.x[: split.offsets[1]].tolist()
    assert data.schema.sizes == {"vocab_size": len(data.schema.vocab)}
    assert len(data.schema.vocab) == {"char": 2 + 13, "word": 51, "bpe": 300}[tokenizer]  # 12 letters and the space


def test_each_tokenizer_is_prepared_by_itself_and_read_no_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = stand_in_folder(ptb)
    monkeypatch.setenv("DLRUN_DATA", str(tmp_path))
    for name, size in (("char", 0), ("word", 0), ("bpe", 300), ("bpe", 310)):
        ptb.load(folder, **tokens(name, size))
    assert len(list((tmp_path / "prepared").glob("ptb-*.pt"))) == 4
    monkeypatch.setattr(ptb, "prepare", lambda *_, **__: pytest.fail("read again"))
    assert len(ptb.load(folder, tokenizer="bpe", vocab_size=310).schema.vocab or ()) == 310


@pytest.mark.real_data
@pytest.mark.slow
def test_facts_of_characters_and_byte_pairs(real) -> None:
    char, pairs = (real(ptb, **tokens(name, 5000)) for name in ("char", "bpe"))
    assert [len(split.x) for split in (char.train, char.val, char.test)] == [4837402, 379102, 423247]
    assert [len(split) for split in (pairs.train, pairs.val, pairs.test)] == [42068, 3370, 3761]
    assert char.schema.sizes == {"vocab_size": 49} and pairs.schema.sizes == {"vocab_size": 5000}
    assert pairs.schema.vocab.text(pairs.test.x.tolist()) == char.schema.vocab.text(char.test.x.tolist())
