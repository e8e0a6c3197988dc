"""`dlrun neighbors`: the nearest words by cosine, each word asked for without itself."""

import json
from pathlib import Path

import pytest
from runs import Cli
from torch.nn.functional import cosine_similarity

from dlrun.run.answer import Trained
from dlrun.run.folder import best_checkpoint


def test_the_nearest_come_first(words: Path, cli: Cli) -> None:
    code, out, err = cli("neighbors", str(words), "bade", "bago", "--k", "3", "--json")
    found = json.loads(out)
    assert (code, err, list(found)) == (0, "", ["bade", "bago"])
    embeddings = Trained.open(*best_checkpoint(str(words)), []).embeddings()
    for word, near in found.items():
        assert word not in near and list(near.values()) == sorted(near.values(), reverse=True)
        cosines = cosine_similarity(embeddings.vectors, embeddings.vector(word).unsqueeze(0))
        best = sorted((float(c) for w, c in zip(embeddings.words, cosines, strict=True) if w != word), reverse=True)[:3]
        assert list(near.values()) == pytest.approx(best, abs=1e-5)


def test_a_table_a_word(words: Path, cli: Cli) -> None:
    code, out, _ = cli("neighbors", str(words), "bade", "--k", "2")
    rows = [line for line in out.splitlines() if line.startswith("│")]
    assert code == 0 and out.startswith("bade") and len(rows) == 2
    code, out, _ = cli("neighbors", str(words), "bade", "--k", "1000")
    assert code == 0 and len([line for line in out.splitlines() if line.startswith("│")]) == 50  # all but itself


def test_mistakes(words: Path, plain: Path, cli: Cli) -> None:
    for typed, said in (
        ([str(words), "bado"], "bado is not in the vocabulary of 51. Did you mean"),
        ([str(words)], "dlrun neighbors: the following arguments are required: WORD"),
        ([str(words), "bade", "--k", "0"], "dlrun neighbors: argument --k: 0: it must be at least 1."),
        ([str(plain), "bade"], f"{plain} has no word vectors. Train some: dlrun model=skipgram"),
    ):
        code, out, err = cli("neighbors", *typed)
        assert (code, out) == (2, "") and err.startswith(f"error: {said}"), err
