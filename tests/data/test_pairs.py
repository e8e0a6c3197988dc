"""Pairs of sentences of the user's own: every form read alike, columns chosen, what is left out, one message."""

import json
from pathlib import Path

import pytest
from readers import own, written

from dlrun.errors import UserError

PAIRS = [(f'He said "{word}" .', f"Il dit {word} !") for word in ("oui", "non", "si", "la", "le", "un", "do", "re")]


def test_every_form_of_pairs_is_read_alike(tmp_path: Path) -> None:
    quoted = "".join('"{}","{}"\n'.format(one.replace('"', '""'), other) for one, other in PAIRS)
    forms = [
        written(tmp_path / "a.tsv", "".join(f"{one}\t{other}\tby: 1\n" for one, other in PAIRS)),
        written(tmp_path / "b.txt", "en\tfr\n" + "".join(f"{one}\t{other}\n" for one, other in PAIRS)),
        written(tmp_path / "c.csv", quoted),
        written(tmp_path / "d.jsonl", "\n".join(json.dumps({"en": one, "fr": other}) for one, other in PAIRS)),
    ]
    made = [own("pairs", path, val=0.25, test=0.0, min_freq=1) for path in forms]
    for data in made:
        assert data.train.x.equal(made[0].train.x) and data.val.y.equal(made[0].val.y)  # type: ignore[union-attr, arg-type]
        assert (len(data.train), len(data.val)) == (6, 2)  # type: ignore[arg-type]
        assert data.said[1] == "pairs: train 6, val 2 -> its_task"
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
    data = own("pairs", path, source="english", target="french", val=0.0, test=0.0, min_freq=1)
    assert "dit" in data.schema.target_vocab.index and "said" in data.schema.vocab.index  # type: ignore[union-attr]
    assert "1 with one side left out, such as line 10" in data.said[0] and "1 longer than" in data.said[0]
    assert len(own("pairs", path, source="english", target="french", max_pairs=3, val=0.0, test=0.0).train) == 3


def test_pairs_in_named_files_and_a_sentence_in_both_is_said(tmp_path: Path) -> None:
    path, val = (
        written(tmp_path / name, "".join(f"{a}\t{b}\n" for a, b in PAIRS[:n]))
        for name, n in (("a.tsv", 8), ("v.tsv", 2))
    )
    data = own("pairs", path, val_path=str(val), test=0.25)
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
        ("go on\tva\n", {"max_words": 1}, "All sentences are longer than data.max_words=1."),
        ("a " * 80_000 + "\tb\n", {"max_words": None}, "All sentences are longer than 100,000 characters."),
        ("".join(f"go\tv{n}\n" for n in range(9)), {}, "No word that is trained on occurs data.min_freq=2"),
        (bytes(range(256)) * 50, {}, "no text in any known encoding"),
    ],
)
def test_pairs_that_can_not_be_read(tmp_path: Path, content: str | bytes, changed: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        own("pairs", written(tmp_path / "a.tsv", content), **changed)
