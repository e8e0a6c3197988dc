"""Files where the user wants them: all or none, and over nothing but files."""

import os
import re
from pathlib import Path
from typing import IO

import pytest

from dlrun.errors import RunFailed, UserError
from dlrun.store import named


def text(content: bytes) -> named.Write:
    return lambda file: file.write(content)


def full(file: IO[bytes]) -> None:
    file.write(b"half")
    raise OSError(28, "No space left on device")


def test_all_of_them_or_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"before")
    with pytest.raises(RunFailed, match=re.escape(f"{tmp_path}/b can't be written: No space left on device.")):
        named.replace_typed(tmp_path, {"a": text(b"1"), "b": full, "c": text(b"3")})
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_bytes() == b"before"
    named.replace_typed(tmp_path, {"a": text(b"1"), "c": text(b"3")})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"1", "c": b"3"}


def test_what_is_no_file_stays_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/null")
    for name, why in (("folder", "it is a folder"), ("pipe", "it is not a file"), ("device", "it is not a file")):
        with pytest.raises(UserError, match=f"{name} can't be written: {why}.$"):
            named.replace_typed(tmp_path, {"new": text(b"1"), name: text(b"2")})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["device", "folder", "pipe"]


def test_a_folder_that_is_not_there_is_told_before_the_work(tmp_path: Path) -> None:
    def work(file: IO[bytes]) -> None:
        raise AssertionError("it began")

    with pytest.raises(UserError, match="x/a can't be written: there is no folder .*x.$"):
        named.replace_typed(tmp_path / "x", {"a": work})
