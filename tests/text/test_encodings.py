"""The encoding of a text: named, told by its first bytes, UTF-8 where it is, else guessed; and what is no text."""

import codecs

import pytest

from dlrun.errors import UserError
from dlrun.text.encodings import SAMPLE, binary, decoded, encoding_of

FRENCH = "Les élèves étudient à l'école; ça et là, un garçon rêve près de la fenêtre. Où êtes-vous, mère? "


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_is_believed(mark: str) -> None:
    """UTF-32's begins with UTF-16's."""
    assert decoded(FRENCH.encode(mark), None, "a.txt") == (FRENCH, mark)


def test_utf_8_needs_no_guess_wherever_a_sample_ends() -> None:
    for end in range(1, 5):
        assert encoding_of("aé€\U0001f600".encode() * 3 + "\U0001f600".encode()[:end], None, "a.txt") == "utf-8"


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r"])
def test_an_encoding_is_guessed_from_the_text(encoding: str) -> None:
    text = "Наступил вечер, и дети пошли домой. Мама ждала их у окна. " * 20
    assert decoded(text.encode(encoding), None, "a.txt")[0] == text


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", "a\0b"])
def test_a_name_that_is_no_encoding_of_texts(name: str) -> None:
    with pytest.raises(UserError, match="there is no such encoding. For example: latin-1, cp1252"):
        encoding_of(b"text", name, "a.txt")


def test_what_is_no_text() -> None:
    assert binary(bytes(range(256)) * 10) and not binary(FRENCH.encode("cp1252"))
    assert not binary("any text".encode("utf-16-le") * 10)  # without its mark: each second byte is 0
    with pytest.raises(UserError, match="a.bin is no text in any known encoding. Name it, as in data.encoding=cp1252"):
        encoding_of(bytes(range(256)) * 10, None, "a.bin")


def test_the_byte_that_is_none_of_it_is_named() -> None:
    with pytest.raises(UserError, match="a.txt is not ascii text at byte 4. Type data.encoding=… to say what it is."):
        decoded(b"abcd\xe9", "ascii", "a.txt")
    late = codecs.BOM_UTF8 + b"a" * SAMPLE + b"\xff"
    with pytest.raises(UserError, match=f"a.txt is not utf-8-sig text at byte {SAMPLE:,}"):
        decoded(late, None, "a.txt")
