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


TEXTS = {
    "cp1251": "Наступил вечер, и дети пошли домой. Мама ждала их у окна.",
    "koi8-r": "Наступил вечер, и дети пошли домой. Мама ждала их у окна.",
    "cp1250": "Wczoraj wieczorem śpiewaliśmy pieśni, a dziś będzie żółta łąka.",
    "cp1252": FRENCH,
    "cp1253": "Καλημέρα, τι κάνετε; Σήμερα ο καιρός είναι ωραίος.",
    "cp1254": "Işıkları söndürüp dışarı çıktık; yağmur yağıyordu ve şehir sessizdi.",
    "cp932": "むかしむかし、あるところに、おじいさんとおばあさんがいました。",
    "gb18030": "从前有座山，山里有座庙，庙里有个老和尚在讲故事。",
    "big5": "從前有座山，山裡有座廟，廟裡有個老和尚在講故事。",
    "cp949": "옛날 옛적에 호랑이가 담배를 피우던 시절이었습니다.",
}
SHORT = [
    "ville;prix\nMontréal;3\nQuébec;4\n",
    "Größe;Straße\n5;Königsweg\n",
    "It’s a “good” day, isn’t it?",
    "São João, às três",
]


@pytest.mark.parametrize("encoding", TEXTS)
def test_an_encoding_is_guessed_from_the_text(encoding: str) -> None:
    assert decoded(TEXTS[encoding].encode(encoding), None, "a.txt")[0] == TEXTS[encoding]


@pytest.mark.parametrize("text", [*SHORT, "plain words. " * 40_000 + "Une journée à l'école."])
def test_a_little_of_western_europe_and_an_accent_far_behind(text: str) -> None:
    assert decoded(text.encode("cp1252"), None, "a.csv") == (text, "cp1252")


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
