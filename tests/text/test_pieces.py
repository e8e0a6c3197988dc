"""A text as a stream: the same characters wherever it is cut, line ends, digests of files and folders, a bad byte."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from dlrun.errors import UserError
from dlrun.text import pieces

TEXT = "Ça va ?\r\nOui\rNon  \U0001f600 fin\n"


def written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 2**20])
def test_wherever_it_is_cut_it_is_the_same(tmp_path: Path, encoding: str, size: int) -> None:
    """Also in the midst of a character and of a line end."""
    text = TEXT if encoding != "cp1252" else TEXT.replace("\U0001f600", "é")
    path = written(tmp_path / "a.txt", text.encode(encoding))
    found, digest = pieces.find(str(path), "data.path", encoding), hashlib.sha256()
    assert "".join(found.pieces(size, digest)) == text.replace("\r\n", "\n").replace("\r", "\n")
    assert digest.hexdigest() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_folder_is_its_texts_by_name_each_ending_a_line(tmp_path: Path) -> None:
    for name, content in (("b.txt", b"b"), ("a.md", b"a\n"), ("in/c.TXT", b""), ("z.txt", b"z"), (".x.txt", b"no")):
        written(tmp_path / "f" / name, content)
    found = pieces.find(str(tmp_path / "f"), "data.path", None)
    assert [path.name for path in found.files] == ["a.md", "b.txt", "c.TXT", "z.txt"] and found.size == 4
    assert "".join(found.pieces()) == "a\nb\nz"
    before, renamed = hashlib.sha256(), hashlib.sha256()
    list(found.pieces(digest=before))
    (tmp_path / "f/z.txt").rename(tmp_path / "f/y.txt")
    list(pieces.find(str(tmp_path / "f"), "data.path", None).pieces(digest=renamed))
    assert before.digest() != renamed.digest()  # a folder's digest has the names of its files


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_a_bad_byte_is_named_by_its_place_in_the_file(tmp_path: Path, size: int) -> None:
    path = written(tmp_path / "a.txt", "éé".encode() + b"a\xffb")
    text = pieces.Text("a.txt", path, (path,), ("utf-8",))
    with pytest.raises(UserError, match="a.txt is not utf-8 text at byte 5. Type data.encoding="):
        list(text.pieces(size))
    written(path, "aé".encode()[:2])  # it ends in the midst of a character
    with pytest.raises(UserError, match="a.txt is not utf-8 text at byte 1"):
        list(text.pieces(size))


def test_a_folder_without_texts(tmp_path: Path) -> None:
    written(tmp_path / "f/a.png", b"x")
    with pytest.raises(UserError, match=r"f is a folder without a text: files that end in \.txt, \.text, \.md\."):
        pieces.find(str(tmp_path / "f"), "data.path", None)


@pytest.mark.parametrize(("start", "stop"), [(0, 3), (2, 8), (5, 5), (8, 99), (9, 99), (0, 99)])
def test_between_two_places_of_a_stream(start: int, stop: int) -> None:
    found = list(pieces.between(["abc", "", "d", "efghi"], start, stop))
    assert "".join(found) == "abcdefghi"[start:stop] and all(found)


def test_cut_at_spaces_no_word_is_cut() -> None:
    text = "one  two\nthree four "
    for size in range(1, 10):
        found = list(pieces.at_spaces(text[at : at + size] for at in range(0, len(text), size)))
        assert "".join(found) == text
        assert all(each[-1].isspace() or after[0].isspace() for each, after in zip(found, found[1:], strict=False))
    assert list(pieces.at_spaces(iter("abcdefgh"), longest=3)) == ["abcd", "efgh"]  # one without end is cut


def test_characters_are_counted_by_their_number() -> None:
    counts = pieces.counted(["aba", "", "\U0010ffff"])
    assert counts[[ord("a"), ord("b"), 0x10FFFF]].tolist() == [2, 1, 1] and counts.sum() == 4
    assert pieces.codes("a\U0001f600").tolist() == [97, 0x1F600] and pieces.codes("").dtype == np.uint32
