"""Bytes of the user's own text -> str, in whichever encoding they are. No torch."""

import codecs

from dlrun.errors import UserError

MARKS = {  # what a file may begin with; UTF-32's begins with UTF-16's, so the order counts
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
SAMPLE = 200_000  # bytes that a guess is made from: more takes seconds and guesses no better


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
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content)  # not final: a sample may end in a character's midst
        if b"\0" not in content[:SAMPLE]:
            return "utf-8"
    except UnicodeDecodeError:
        pass
    from charset_normalizer import from_bytes

    if (found := None if binary(content) else from_bytes(content[:SAMPLE]).best()) is None:
        raise UserError(f"{where} is no text in any known encoding. Name it, as in data.encoding=cp1252, if it is one.")
    return found.encoding


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
