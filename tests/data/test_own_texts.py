"""Texts of the user's own: read in any form and encoding, split, mapped where large, refused in one message."""

import importlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from options import options, ready

from dlrun.config import catalogue, own_data
from dlrun.data import text as own_text
from dlrun.data.base import Data, Schema, Split
from dlrun.errors import UserError
from dlrun.files import mapped
from dlrun.task.lm import LanguageModel
from dlrun.text import pieces

BOOK = "It was a dark night; the Löwe slept.\nNobody spoke.\n" * 40


def load(name: str, path: Path | str | None, **changed: Any) -> Data:
    node = catalogue.read("data", name)
    chosen = {key: value for key, value in node.items() if key != "_target_"} | {"task": "its_task"} | changed
    loader: Any = importlib.import_module(f"dlrun.data.{name}")
    found: Data = loader.load(path=path and str(path), **{key: value for key, value in chosen.items() if key != "path"})
    assert Schema.from_state_dict(found.schema.state_dict(), "here").state_dict() == found.schema.state_dict()
    return found


def words_of(data: Data, split: Split | None) -> str:
    assert data.schema.vocab and split
    return data.schema.vocab.text(split.x.flatten().tolist())


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# a text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("tokenizer", ["char", "bpe"])
def test_a_text_is_read_whole_in_any_encoding(tmp_path: Path, encoding: str, tokenizer: str) -> None:
    path = written(tmp_path / "book.txt", BOOK.replace("\n", "\r\n").encode(encoding))
    size = 300 if tokenizer == "bpe" else None
    data = load("text", path, tokenizer=tokenizer, vocab_size=size, encoding="cp1252" if encoding == "cp1252" else None)
    assert "".join(words_of(data, part) for part in (data.train, data.val, data.test)) == BOOK
    assert len(words_of(data, data.val)) == len(words_of(data, data.test)) == round(len(BOOK) * 0.05)


def test_what_was_read_is_said_in_two_lines(tmp_path: Path) -> None:
    data = load("text", written(tmp_path / "book.txt", BOOK))
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
    data = load("text", tmp_path / "b", val=0.0, test=0.0)
    assert words_of(data, data.train) == "first " * 20 + "\n" + "second " * 20 + "\n" + "third " * 20
    assert data.note and list(data.sha256) == ["b"]
    written(tmp_path / "b/2.txt", "Second " * 20)
    assert load("text", tmp_path / "b").sha256 != data.sha256


def test_parts_may_be_named_files_and_what_they_alone_hold_is_unknown(tmp_path: Path) -> None:
    path, val = written(tmp_path / "a.txt", "abcd" * 50), written(tmp_path / "v.txt", "abxd" * 5)
    data = load("text", path, val_path=str(val), test=0.1)
    assert len(load("text", path, val_path=str(written(tmp_path / "v/a.txt", "abcd"))).sha256) == 2
    assert (len(data.train.x), words_of(data, data.val)) == (180, "ab<unk>d" * 5)


def test_words_are_apart_from_punctuation_and_rare_ones_unknown(tmp_path: Path) -> None:
    data = load("text", written(tmp_path / "a.txt", "“Go!” 猫犬, go. " * 9 + "once"), tokenizer="word", val=0, test=0)
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
    small = load("text", path, **chosen)
    monkeypatch.setattr(own_text, "IN_MEMORY", 100)
    monkeypatch.setattr(own_text, "PIECE", dict.fromkeys(own_text.PIECE, 7))
    large, again = (load("text", path, **chosen) for _ in range(2))
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


def test_a_damaged_or_half_written_preparation_is_made_again(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_text, "IN_MEMORY", 100)
    path = written(tmp_path / "book.txt", BOOK)
    first = load("text", path).train.x.clone()
    (folder,) = (root / "prepared").iterdir()
    written(folder / f".ids.{'0' * 16}.tmp", "of a killed process")
    for damage in (b"", b"x" * (folder / "ids").stat().st_size):
        (folder / "ids").write_bytes(damage)
        assert load("text", path).train.x.equal(first)
    (folder / "facts.json").write_text("{")
    assert load("text", path).train.x.equal(first)
    assert sorted(each.name for each in folder.iterdir()) == [".lock", "facts.json", "ids"]
    facts = json.loads((folder / "facts.json").read_text())
    assert facts["bytes"] == len(BOOK) and mapped.whole(folder) == facts


def test_a_byte_that_is_no_text_is_named_wherever_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "bad.txt", "ä".encode() * 5000 + b"\xff" + b"abc")
    with pytest.raises(UserError, match="not utf-8 text at byte 10,000"):
        load("text", path, encoding="utf-8")
    monkeypatch.setattr(pieces, "HEAD", 1000)  # of a large file no more is looked at
    with pytest.raises(UserError, match="not utf-8 text at byte 10,000"):
        load("text", path)


@pytest.mark.parametrize(
    ("content", "changed", "message"),
    [
        ("", {}, "empty"),
        (" \n\n", {}, "empty"),
        (bytes(range(256)) * 50, {}, "no text in any known encoding"),
        ("abc", {}, "too short"),
        ("abc" * 9, {"val": 0.6, "test": 0.6}, "nothing to train on"),
        ("abc" * 99, {"encoding": "nonsense"}, "no such encoding"),
        ("abc" * 99, {"tokenizer": "bpe"}, "needs a size"),
    ],
)
def test_a_text_that_can_not_be_read(tmp_path: Path, content: str | bytes, changed: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load("text", written(tmp_path / "a.txt", content), **changed)


def test_what_is_not_there_is_said_with_what_is(tmp_path: Path) -> None:
    written(tmp_path / "book.txt", BOOK)
    (tmp_path / "empty").mkdir()
    for path, message in ((tmp_path / "bok.txt", "book.txt"), (tmp_path / "empty", "without a text"), (None, "FILE")):
        with pytest.raises(UserError, match=message):
            load("text", path)


# texts with labels

GOOD, BAD = "A fine film, it's great {}", "A poor film and dull {}"
ROWS = [(GOOD.format(number), "good") for number in range(30)] + [(BAD.format(number), "bad") for number in range(30)]


def csv_of(rows: list[tuple[str, str]], header: str = "body,label") -> str:
    return "".join(f"{line}\n" for line in [header, *(f'"{text}",{label}' for text, label in rows)] if line)


def everything(data: Data) -> set[tuple[str, str]]:
    assert data.schema.vocab and data.schema.labels
    found = set()
    for part in (data.train, data.val, data.test):
        assert part and part.offsets is not None and part.y is not None
        for number, (begin, end) in enumerate(zip(part.offsets[:-1], part.offsets[1:], strict=True)):
            text = data.schema.vocab.text(part.x[begin:end].tolist())
            found.add((text, data.schema.labels[int(part.y[number])]))
    return found


def test_every_form_of_texts_with_labels_is_read_alike(tmp_path: Path) -> None:
    records = [json.dumps({"n": 3, "class": label, "review": text}) for text, label in ROWS]
    forms = [
        written(tmp_path / "a.csv", csv_of(ROWS)),
        written(tmp_path / "b.csv", csv_of(ROWS, "")),  # no header
        written(tmp_path / "c.tsv", csv_of([(label, text) for text, label in ROWS], "x,y").replace('",', '"\t')),
        written(tmp_path / "d.jsonl", "\n".join(records)),
        tmp_path / "e",
    ]
    forms[2].write_text("team\tticket\n" + "".join(f"{label}\t{text}\n" for text, label in ROWS))
    for number, (text, label) in enumerate(ROWS):
        written(tmp_path / f"e/{label}/{number}.txt", text)
    wanted = {(text.lower().replace(",", " ,").replace("'", " '"), label) for text, label in ROWS}
    for path in forms:
        data = load("labelled", path, min_freq=1, tokenizer="word")
        known = {(text, label) for text, label in everything(data) if "<unk>" not in text}
        assert known <= wanted and len(known) > 45
        assert data.schema.labels == ("bad", "good") and data.schema.sizes["outputs"] == 2
        assert [torch.bincount(part.y).tolist() for part in (data.train, data.val, data.test)] == [  # type: ignore[union-attr, arg-type]
            [24, 24],
            [3, 3],
            [3, 3],
        ]
        assert data.said[0].startswith(f"reading {path.name}: 60 texts") and data.said[1].endswith("-> its_task")


def test_folders_inside_name_the_parts(tmp_path: Path) -> None:
    for part, count in (("train", 8), ("valid", 2), ("test", 3)):
        for label in ("good", "bad"):
            for number in range(count):
                written(
                    tmp_path / f"f/{part}/{label}/{number}.txt", f"a {label} film {part} {number} é".encode("cp1252")
                )
    data = load("labelled", tmp_path / "f", min_freq=1, encoding="cp1252")
    assert [len(part) for part in (data.train, data.val, data.test) if part] == [16, 4, 6]
    assert "valid" not in data.schema.vocab.index and "é" in data.schema.vocab.index  # type: ignore[union-attr]


def test_a_class_whose_folder_is_no_utf_8(tmp_path: Path) -> None:
    """As with pictures it is called by an escape, which a checkpoint can hold."""
    for name in (b"a\xff", b"b"):
        folder = tmp_path / os.fsdecode(name)
        for number in range(20):
            written(folder / f"{number}.txt", f"a film of number {number}")
    assert load("labelled", tmp_path, min_freq=1).schema.labels == ("a\\udcff", "b")


def test_spellings_are_one_class_and_gaps_are_left_out_and_said(tmp_path: Path) -> None:
    rows = [*ROWS, ("One more fine film", "Good "), ("", "good"), ("A film", "")]
    data = load("labelled", written(tmp_path / "a.csv", csv_of(rows)))
    assert (data.schema.labels, data.schema.column, data.schema.target) == (("bad", "good"), "body", "label")
    said = " ".join(data.said)
    assert "1 without a text left out, such as row 62" in said and "good and Good are one class" in said
    assert "1 row without it left out" in said


def test_rows_of_a_group_stay_together(tmp_path: Path) -> None:
    lines = [f"{text},{label},writer {number % 10}" for number, (text, label) in enumerate(ROWS)]
    text = "text,label,by\n" + "\n".join(line.replace(", it", " it") for line in lines)
    data = load("labelled", written(tmp_path / "a.csv", text), group="by", val=0.2, min_freq=1)
    assert sorted(len(part) for part in (data.train, data.val, data.test) if part) == [6, 12, 42]


@pytest.mark.parametrize(
    ("content", "changed", "message"),
    [
        ("", {}, "a.csv is empty"),
        ("text,label\n", {}, "a header and no row"),
        ("text,label\nfine,\ndull,\n", {}, "a.csv: label has no value"),
        ("text,label\nfine,a\ndull,a\n", {}, "a.csv: label is always a"),
        ("text,label\n,a\n,b\n", {}, "no row with a text"),
        ("title,x,y\nfine,a,b\n", {}, "Which column of a.csv holds the text.*title, x, y"),
        ("text,label\nfine,a\ndull,b\n", {"target": "lable"}, "Did you mean label"),
        ("text,label\nfine,a\ndull,b\n", {"text": "label"}, "which column|Which column|one column"),
        (csv_of([(f"some {n}", f"class {n}") for n in range(20_000)]), {}, "20,000 different values"),
        ("text,label\n" + "word " * 300_000 + ",a\nfine,b\n", {}, "row 1 has a text of"),
        (bytes(range(256)) * 50, {}, "no text in any known encoding"),
    ],
)
def test_labelled_texts_that_can_not_be_read(tmp_path: Path, content: str | bytes, changed: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load("labelled", written(tmp_path / "a.csv", content), **changed)


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "f/a.txt", "text")
    with pytest.raises(UserError, match="data=text"):
        load("labelled", tmp_path / "f")
    written(tmp_path / "f/good/a.txt", "text")
    with pytest.raises(UserError, match="always good"):
        load("labelled", tmp_path / "f")
    with pytest.raises(UserError, match=r"data\.text names a column"):
        load("labelled", tmp_path / "f", text="body")


# pairs of sentences

PAIRS = [(f'He said "{word}" .', f"Il dit {word} !") for word in ("oui", "non", "si", "la", "le", "un", "do", "re")]


def test_every_form_of_pairs_is_read_alike(tmp_path: Path) -> None:
    quoted = "".join('"{}","{}"\n'.format(one.replace('"', '""'), other) for one, other in PAIRS)
    forms = [
        written(tmp_path / "a.tsv", "".join(f"{one}\t{other}\tby: 1\n" for one, other in PAIRS)),
        written(tmp_path / "b.txt", "en\tfr\n" + "".join(f"{one}\t{other}\n" for one, other in PAIRS)),
        written(tmp_path / "c.csv", quoted),
        written(tmp_path / "d.jsonl", "\n".join(json.dumps({"en": one, "fr": other}) for one, other in PAIRS)),
    ]
    made = [load("pairs", path, val=0.25, test=0.0, min_freq=1) for path in forms]
    for data in made:
        assert data.train.x.equal(made[0].train.x) and data.val.y.equal(made[0].val.y)  # type: ignore[union-attr, arg-type]
        assert (len(data.train), len(data.val)) == (6, 2)  # type: ignore[arg-type]
        assert data.said[1] == "train 6, val 2 pairs -> its_task"
    assert [data.schema.column for data in made] == [None, "en", None, "en"]
    assert "no header" in made[0].said[0] and "en to fr" in made[1].said[0]


def test_columns_are_chosen_and_what_is_no_pair_is_left_out_and_said(tmp_path: Path) -> None:
    lines = [
        "id\tfrench\tenglish",
        *(f"{n}\t{b}\t{a}" for n, (a, b) in enumerate(PAIRS)),
        "9\tSeul\t",
        f"10\t{'a ' * 40}\tb",
    ]
    path = written(tmp_path / "a.tsv", "\n".join(lines))
    data = load("pairs", path, source="english", target="french", val=0.0, test=0.0, min_freq=1)
    assert "dit" in data.schema.target_vocab.index and "said" in data.schema.vocab.index  # type: ignore[union-attr]
    assert "1 with one side left out, such as line 10" in data.said[0] and "1 longer than" in data.said[0]
    assert len(load("pairs", path, source="english", target="french", max_pairs=3, val=0.0, test=0.0).train) == 3


def test_pairs_in_named_files_and_a_sentence_in_both_is_said(tmp_path: Path) -> None:
    path, val = (
        written(tmp_path / name, "".join(f"{a}\t{b}\n" for a, b in PAIRS[:n]))
        for name, n in (("a.tsv", 8), ("v.tsv", 2))
    )
    data = load("pairs", path, val_path=str(val), test=0.25)
    assert [len(part) for part in (data.train, data.val, data.test) if part] == [6, 2, 2]
    assert len(data.sha256) == 2 and "trained on as well" in data.said[-1]


@pytest.mark.parametrize(
    ("content", "changed", "message"),
    [
        ("", {}, "a.tsv is empty"),
        ("alone\nalone\n", {}, "line 1 has one field"),
        ("one\t\none\t\n", {}, "line 1 has one sentence"),
        ("en\tfr\n", {}, "a header and no row"),
        ("en\tfr\ngo\tva\n", {"source": "eng"}, "data.source=eng: a.tsv has no such column"),
        ("en\tfr\ngo\tva\n", {"source": "en", "target": "en"}, "one column"),
        ("go on\tva\n", {"max_words": 1}, "No sentence has at most"),
        ("a " * 80_000 + "\tb\n", {"max_words": None}, "no pair|No sentence"),
        (bytes(range(256)) * 50, {}, "no text in any known encoding"),
    ],
)
def test_pairs_that_can_not_be_read(tmp_path: Path, content: str | bytes, changed: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load("pairs", written(tmp_path / "a.tsv", content), **changed)


# which reader a path picks


def test_a_path_picks_the_reader_that_fits_what_is_in_it(tmp_path: Path) -> None:
    written(tmp_path / "folder/good/1.txt", "text")
    written(tmp_path / "books/1.txt", "text")
    for name, content, wanted in (
        ("a.txt", "any", "text"),
        ("a.csv", "id,text,label\n1,A fine film,good\n", "labelled"),
        ("b.csv", "a,b\n1,2\n", "table"),
        ("a.tsv", "Go.\tVa !\tby: 1\nHi.\tSalut !\tby: 2\n", "pairs"),
        ("b.tsv", "en\tfr\nGo on.\tVas-y.\n", "pairs"),
    ):
        assert own_data.reader_of_file(written(tmp_path / name, content), []) == wanted, name
    assert own_data.reader_of_folder(tmp_path / "folder") == "labelled"
    assert own_data.reader_of_folder(tmp_path / "books") == "text"
