"""`dlrun analogy`: A is to B as C is to the word nearest to b - a + c, which is none of the three."""

import json
from pathlib import Path

from runs import Cli
from torch.nn.functional import cosine_similarity

from dlrun.run.answer import Trained
from dlrun.run.folder import best_checkpoint

ASKED = ("bade", "figo", "kula")


def test_the_nearest_to_b_minus_a_plus_c(words: Path, cli: Cli) -> None:
    code, out, err = cli("analogy", str(words), *ASKED, "--json")
    found = json.loads(out)
    assert (code, err, len(found)) == (0, "", 5) and not set(found) & set(ASKED)
    embeddings = Trained.open(*best_checkpoint(str(words)), []).embeddings()
    a, b, c = map(embeddings.vector, ASKED)
    cosines = cosine_similarity(embeddings.vectors, (b - a + c).unsqueeze(0)).tolist()
    rest = [(word, cosine) for word, cosine in zip(embeddings.words, cosines, strict=True) if word not in ASKED]
    assert next(iter(found)) == max(rest, key=lambda each: each[1])[0]


def test_a_table_says_what_was_asked(words: Path, cli: Cli) -> None:
    code, out, _ = cli("analogy", str(words), *ASKED, "--k", "1")
    assert code == 0 and out.startswith("bade is to figo as kula is to\n") and out.count("│") == 3


def test_mistakes(words: Path, cli: Cli) -> None:
    assert "the following arguments are required: C" in cli("analogy", str(words), "bade", "figo")[2]
    code, _, err = cli("analogy", str(words), "bade", "figo", "kulo")
    assert code == 2 and err.startswith("error: kulo is not in the vocabulary of 51.")
