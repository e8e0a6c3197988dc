"""Text from anywhere, safe to look at and safe to type: controls made visible, words quoted for a shell."""

import json
import math
import re
import shlex
from pathlib import Path

# Controls of a terminal (C0, DEL, C1), separators of lines, marks that turn the direction of writing or are never seen,
# and lone surrogates, which stand for bytes that are no UTF-8.
UNSEEN = (
    "\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f"
)
CONTROLS = re.compile(f"[{UNSEEN}]")
BUT_LINES = re.compile(f"(?![\n\t])[{UNSEEN}]")


def visible(text: str, *, lines: bool = False) -> str:
    r"""Text that can do nothing to a terminal: an escape becomes \x1b. `lines`: newlines and tabs are ours and stay."""
    return (BUT_LINES if lines else CONTROLS).sub(lambda found: escaped(found[0]), text)


def escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()


def storable(text: str) -> str:
    r"""Text that UTF-8 has: bytes of a path that are none, which Python keeps as lone surrogates, become \udcff."""
    return re.sub("[\ud800-\udfff]", lambda found: escaped(found[0]), text)


def command(*words: object) -> str:
    """`dlrun resume 'my runs/a'`: what can be copied to a shell. A Path is never taken for an option or for `last`."""
    return " ".join(("dlrun", *map(quoted, words)))


def quoted(word: object) -> str:
    text = str(word)
    if isinstance(word, Path) and (text.startswith("-") or text == "last"):
        text = f"./{text}"
    if not CONTROLS.search(text):
        return shlex.quote(text)
    inner = "".join(for_bash(each) if CONTROLS.match(each) else each for each in re.sub(r"([\\'])", r"\\\1", text))
    return f"$'{inner}'"


def for_bash(character: str) -> str:
    """In $'…' of bash and zsh: bytes that are no UTF-8, which Python keeps as U+DC80 to U+DCFF, as they are."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\u{code:04x}" if 0x80 <= code <= 0xFFFF else escaped(character)


def json_text(value: object, indent: int | None = None) -> str:
    try:
        return json.dumps(value, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(finite(value), indent=indent)


def finite(value: object) -> object:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def number(value: float | None) -> str:
    """Four significant digits: 0.9123, 1234, 1.2e-05."""
    if value is None:
        return "-"
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e6):
        return str(int(value))
    return f"{value:.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def amount(count: int, noun: str, plural: str = "") -> str:
    """`1 row`, `2,000 rows`, `3 classes`."""
    return f"{count:,} {noun if count == 1 else plural or noun + ('es' if noun.endswith('s') else 's')}"


def duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def span(seconds: float) -> str:
    """A measured time with three digits at most: 0.21 ms, 12.3 s; from a minute on 3:40."""
    if seconds >= 60:
        return duration(seconds)
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"
