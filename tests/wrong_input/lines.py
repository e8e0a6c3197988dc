"""lines.txt as Python: section -> what is typed and a part of the message that answers it."""

import shlex
from pathlib import Path

Line = tuple[list[str], str]


def read() -> dict[str, list[Line]]:
    sections: dict[str, list[Line]] = {}
    for text in Path(__file__).with_name("lines.txt").read_text(encoding="utf-8").splitlines():
        if text.startswith("["):
            section = sections.setdefault(text.strip("[]"), [])
        elif text and not text.startswith("#"):
            typed, _, message = text.partition(" =>")
            section.append(([special(each) for each in split(typed)], message.strip()))
    return sections


def split(typed: str) -> list[str]:
    """As a shell does it, but that a backslash outside of quotes stays."""
    lexer = shlex.shlex(typed, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    return list(lexer)


def special(argument: str) -> str:
    return argument.replace("\\n", "\n").replace("\\t", "\t").replace("\\0", "\0")
