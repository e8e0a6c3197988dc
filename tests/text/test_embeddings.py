"""Files of word vectors: those of word2vec, GloVe and fastText, and damaged ones."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dlrun.errors import UserError
from dlrun.text.embeddings import KeyedVectors, read_vectors, write_text

GLOVE = "the 0.5 -1 2\n, 1 2 3\nat name@domain.com 4 5 6\nat 7 8 9\nthe 0 0 0\n"


def file(folder: Path, text: str) -> Path:
    (folder / "v.txt").write_text(text, encoding="utf-8")
    return folder / "v.txt"


def test_glove_without_a_first_line_of_its_own(tmp_path: Path) -> None:
    """Some of GloVe's tokens are several words; the first of two that are the same counts."""
    found = read_vectors(file(tmp_path, GLOVE), {"the", "at", "nowhere"})
    assert found.words == ["the", "at"]
    assert found.vectors.tolist() == [[0.5, -1, 2], [7, 8, 9]]


def test_fasttext_with_one(tmp_path: Path) -> None:
    found = read_vectors(file(tmp_path, "2 3\n</s> 0.1 0.2 0.3 \néa 1e-3 2 3 \n"))
    assert found.words == ["</s>", "éa"] and found.vectors[1].tolist() == pytest.approx([1e-3, 2, 3])


DAMAGED = {
    "": "its first line is no word with its numbers",
    "word\n": "its first line is no word with its numbers",
    "3 2\na 1 2\nb 1 2\n": "its first line promises 3 words, and it has 2",
    "2 2\na 1 2\nb 1\n": "line 3 has 1 number where 2 are expected",
    "a 1 2\nb 1 x\n": "line 2 is no word with 2 numbers",
    "a 1 2\nb 1 nan\n": "a number in it is not finite",
    "a 1 2\nb 1": "line 2 has 1 number where 2 are expected",
    "2 9999999999999\na 1 2\nb 1 2\n": "numbers where 9999999999999 are expected",
}


@pytest.mark.parametrize("text", DAMAGED)
def test_damaged_files(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="v.txt can't be read as word vectors: .*" + DAMAGED[text]):
        read_vectors(file(tmp_path, text))


def test_a_file_cut_off_where_no_word_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="it is cut off in its last line"):
        read_vectors(file(tmp_path, "a 1 2\nb 1"), {"a"})


def test_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.array([[1.0, 2.0], [3.0, 4.0]]))
    with pytest.raises(UserError, match=r"There is no file .*v\.txt"):
        read_vectors(tmp_path / "v.npy")
    file(tmp_path, "a\n the\n")
    assert read_vectors(tmp_path / "v.npy").find(" the").tolist() == [3, 4]  # type: ignore[union-attr]
    file(tmp_path, "a\n")
    with pytest.raises(UserError, match=r"2 vectors, and 1 word in v\.txt"):
        read_vectors(tmp_path / "v.npy")


@pytest.mark.parametrize("array", [np.array([None, {}]), np.zeros(3), np.zeros((2, 2), int), np.full((1, 2), np.nan)])
def test_arrays_that_are_no_vectors(array: np.ndarray, tmp_path: Path) -> None:
    """A pickle among them is not loaded."""
    np.save(tmp_path / "v.npy", array, allow_pickle=True)
    file(tmp_path, "a\n")
    with pytest.raises(UserError, match="v.npy can't be read as word vectors"):
        read_vectors(tmp_path / "v.npy")


def test_a_promise_of_a_terabyte(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.zeros((1, 2), np.float32))
    content = (tmp_path / "v.npy").read_bytes()
    (tmp_path / "v.npy").write_bytes(content.replace(b"(1, 2), }              ", b"(99999999999999, 2), } "))
    with pytest.raises(UserError, match="v.npy can't be read as word vectors"):
        read_vectors(tmp_path / "v.npy")


def test_what_is_written_is_read_to_the_last_bit(tmp_path: Path) -> None:
    words = ["a", " the", "x\ny", "\u00e9"]
    given = KeyedVectors("run", words, torch.randn(4, 5, generator=torch.Generator().manual_seed(0)) * 1e-3)
    with open(tmp_path / "v.txt", "wb") as out:
        write_text(out, given)
    found = read_vectors(tmp_path / "v.txt")
    assert found.vectors.equal(given.vectors) and found.words == ["a", " the", "x y", "\u00e9"]


def test_words_are_written_into_a_table() -> None:
    given = KeyedVectors("run", ["a", "the"], torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    table = torch.zeros(4, 2)
    assert given.write_into([table], ["<unk>", " the", "a"]) == 2
    assert table.tolist() == [[0, 0], [3, 4], [1, 2], [0, 0]]
    with pytest.raises(UserError, match="The vectors of run have 2 numbers. Type model.embed=2."):
        given.write_into([torch.zeros(3, 5)], ["a"])
    with pytest.raises(UserError, match="No word is among those of run."):
        given.write_into([table], ["z"])
