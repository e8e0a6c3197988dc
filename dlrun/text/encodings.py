"""Bytes of the user's own text -> str, in whichever encoding they are. No torch."""

import codecs
import re

from dlrun.errors import UserError

MARKS = {  # what a file may begin with; UTF-32's begins with UTF-16's, so the order counts
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
COMMON = "cp1252"  # of those that are as likely
CHECKED = ("cp932", "gb18030")  # few bytes fit these by accident; Japanese without Chinese characters is not guessed
SAMPLE = 200_000  # bytes that a guess is made from: more guess no better


def encoding_of(content: bytes, named: str | None, where: str) -> str:
    """The name of the encoding: `named`, that of its byte order mark, UTF-8 where it is, or else a guess.

    UserError where `named` is no encoding of texts, and where `content` is no text at all.
    """
    if named is not None:
        try:
            codecs.lookup(named).incrementaldecoder  # noqa: B018 - base64 and the like have none
            "".encode(named)
        except (LookupError, TypeError, ValueError) as error:
            raise UserError(
                f"data.encoding={named}: there is no such encoding. For example: latin-1, cp1252"
            ) from error
        return named
    if mark := next((mark for mark in MARKS if content.startswith(mark)), None):
        return MARKS[mark]
    if decodes(content, "utf-8") and b"\0" not in content[:SAMPLE]:
        return "utf-8"
    if (found := None if binary(content) else guessed(content)) is None:
        raise UserError(f"{where} is no text in any known encoding. Name it, as in data.encoding=cp1252, if it is one.")
    return found


def guessed(content: bytes) -> str | None:
    """Of those that the web knows: among the hundred others is always one that fits a short text by accident.

    The words around what is not ASCII tell the language, and so the sample begins where that is, however late.
    """
    from chardet import EncodingEra, detect_all

    first = re.search(rb"[\x80-\xff]", content)
    start = max(0, first.start() - SAMPLE // 2) // 2 * 2 if first else 0  # even, as UTF-16 takes two bytes
    sample = content[start : start + SAMPLE]
    found = detect_all(sample, ignore_threshold=True, encoding_era=EncodingEra.MODERN_WEB)
    likely = {codecs.lookup(each["encoding"]).name: each["confidence"] for each in found if each["encoding"]}
    best = max(likely.values(), default=0)
    names = sorted(likely, key=lambda name: (name != COMMON or likely[name] < 0.95 * best, -likely[name]))
    names += CHECKED if names else ["utf-8"]  # none: it has zeros, and would be anything
    return next((name for name in names if decodes(content, name)), None)


def decodes(content: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(content)  # not final: a sample may end in a character's midst
    except UnicodeDecodeError:
        return False
    return True


def binary(content: bytes) -> bool:
    """Bytes that no text in an 8-bit encoding has, and too many of them for UTF-16 without its mark."""
    sample = content[:SAMPLE]
    control = sum(sample.count(bytes([byte])) for byte in (*range(1, 9), *range(14, 27), *range(28, 32), 127))
    zeros = sample[::2].count(0), sample[1::2].count(0)
    return control > len(sample) // 100 or min(zeros) > len(sample) // 100


def decoded(content: bytes, named: str | None, where: str) -> tuple[str, str]:
    """The text and its encoding's name. UserError names the byte that is none of it."""
    encoding = encoding_of(content, named, where)
    try:
        return content.decode(encoding), encoding
    except (UnicodeDecodeError, UnicodeError) as error:
        place = f" at byte {error.start:,}" if isinstance(error, UnicodeDecodeError) else ""
        raise UserError(f"{where} is not {encoding} text{place}. Type data.encoding=… to say what it is.") from error
