"""Texts with labels of the user's own: every form read alike, parts and groups, gaps and spellings, one message."""

import json
import os
from pathlib import Path

import pytest
import torch
from readers import own, written

from dlrun.data.base import Data
from dlrun.errors import UserError

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
        data = own("labelled", path, min_freq=1, tokenizer="word")
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
    data = own("labelled", tmp_path / "f", min_freq=1, encoding="cp1252")
    assert [len(part) for part in (data.train, data.val, data.test) if part] == [16, 4, 6]
    assert "valid" not in data.schema.vocab.index and "é" in data.schema.vocab.index  # type: ignore[union-attr]


def test_spellings_are_one_class_and_gaps_are_left_out_and_said(tmp_path: Path) -> None:
    rows = [*ROWS, ("One more fine film", "Good "), ("", "good"), ("A film", "")]
    data = own("labelled", written(tmp_path / "a.csv", csv_of(rows)))
    assert (data.schema.labels, data.schema.column, data.schema.target) == (("bad", "good"), "body", "label")
    said = " ".join(data.said)
    assert "1 without a text left out, such as row 62" in said and "good and Good are one class" in said
    assert "1 row without it left out" in said


def test_rows_of_a_group_stay_together(tmp_path: Path) -> None:
    lines = [f"{text},{label},writer {number % 10}" for number, (text, label) in enumerate(ROWS)]
    text = "text,label,by\n" + "\n".join(line.replace(", it", " it") for line in lines)
    data = own("labelled", written(tmp_path / "a.csv", text), group="by", val=0.2, min_freq=1)
    assert sorted(len(part) for part in (data.train, data.val, data.test) if part) == [6, 12, 42]


@pytest.mark.parametrize(
    ("content", "changed", "message"),
    [
        ("", {}, "a.csv is empty"),
        ("text,label\n", {}, "a header and no row"),
        ("text,label\nfine,\ndull,\n", {}, "a.csv: label has no value"),
        ("text,label\nfine,a\ndull,a\n", {}, "a.csv: label is always a"),
        ("text,label\n,a\n,b\n", {}, "a.csv: No row has a text."),
        ("title,x,y\nfine,a,b\n", {}, "Which column of a.csv holds the text.*title, x, y"),
        ("text,label\nfine,a\ndull,b\n", {"target": "lable"}, "Did you mean label"),
        ("text,label\nfine,a\ndull,b\n", {"text": "label"}, "which column|Which column|one column"),
        (csv_of([(f"some {n}", f"class {n}") for n in range(20_000)]), {}, "20,000 different values"),
        ("text,label\n" + "word " * 300_000 + ",a\nfine,b\n", {}, "a.csv: Row 1 has a text of"),
        (
            csv_of([(f"w{n}", "ab"[n % 2]) for n in range(40)]),
            {},
            "No word that is trained on occurs data.min_freq=2",
        ),
        (bytes(range(256)) * 50, {}, "no text in any known encoding"),
    ],
)
def test_texts_that_can_not_be_read(tmp_path: Path, content: str | bytes, changed: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        own("labelled", written(tmp_path / "a.csv", content), **changed)


def test_a_class_whose_folder_is_no_utf_8(tmp_path: Path) -> None:
    """As with pictures it is called by an escape, which a checkpoint can hold."""
    for name in (b"a\xff", b"b"):
        folder = tmp_path / os.fsdecode(name)
        for number in range(20):
            written(folder / f"{number}.txt", f"a film of number {number}")
    assert own("labelled", tmp_path, min_freq=1).schema.labels == ("a\\udcff", "b")


def test_too_many_labels_are_answered_with_columns_that_look_like_labels(tmp_path: Path) -> None:
    rows = [f"some words {n},author {n},{'good' if n % 2 else 'bad'},{n % 3},{n}.5" for n in range(60)]
    path = written(tmp_path / "a.csv", "body,author,opinion,stars,weight\n" + "\n".join(rows))
    with pytest.raises(UserError) as caught:
        own("labelled", path, target="author")
    assert str(caught.value) == (
        "a.csv: author has 60 different values in 60 rows: those are no classes. "
        "Pick another data.target, such as opinion or stars"
    )
    for number in range(30):
        written(tmp_path / f"f/{number}/a.txt", "text")
    with pytest.raises(UserError, match="30 different values in 30 rows.* Put all texts of a class into one folder"):
        own("labelled", tmp_path / "f")


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "f/a.txt", "text")
    with pytest.raises(UserError, match="data=text"):
        own("labelled", tmp_path / "f")
    written(tmp_path / "f/good/a.txt", "text")
    with pytest.raises(UserError, match="always good"):
        own("labelled", tmp_path / "f")
    with pytest.raises(UserError, match=r"data\.text names a column"):
        own("labelled", tmp_path / "f", text="body")
