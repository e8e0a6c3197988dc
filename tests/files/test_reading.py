"""Reading a dataset's files: never more than a limit, and whatever is wrong with one is a single DataError."""

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from dlrun.errors import DataError, UserError
from dlrun.files.reading import METHODS, Limited, gunzipped, limited, reading, unzipped, whole


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("it is odd\nand more"), "a.zip can't be read: it is odd."),
        (KeyError("name"), "a.zip can't be read: 'name'."),
        (UnicodeDecodeError("utf-8", b"x" * 5000, 4321, 4322, "why"), "it is not utf-8 text at byte 4,321."),
    ],
)
def test_what_goes_wrong_names_the_file(error: Exception, said: str) -> None:
    with pytest.raises(DataError) as caught, reading(Path("a.zip")):
        raise error
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_message_of_ours_stays_as_it_is() -> None:
    with pytest.raises(UserError, match="^Type another one.$"), reading(Path("a.zip")):
        raise UserError("Type another one.")


def test_a_limit_is_what_may_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"12345"))
    assert whole(tmp_path / "a", 5) == gunzipped(tmp_path / "a.gz", 5) == limited(io.BytesIO(b"12345"), 5) == b"12345"
    for read, name in ((whole, "a"), (gunzipped, "a.gz")):
        with pytest.raises(ValueError, match="it holds more than 4 bytes"):
            read(tmp_path / name, 4)


def test_texts_of_a_zip_in_the_order_they_are_asked_for(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one.txt", "é")
        archive.writestr("two.txt", "two")
        archive.writestr("packed.txt", "x" * 99, zipfile.ZIP_BZIP2)
    assert unzipped(tmp_path / "a.zip", ["two.txt", "one.txt"], 3) == ["two", "é"]
    for name, said in (("two.txt", "it holds more than 2 bytes"), ("packed.txt", "packed in a way that is not read")):
        with pytest.raises(ValueError, match=said):
            unzipped(tmp_path / "a.zip", [name], 2)
    assert METHODS == (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def test_a_stream_ends_at_its_limit_however_much_is_asked_for() -> None:
    assert Limited(io.BytesIO(b"12345"), 5).readall() == b"12345"
    stream = io.BufferedReader(Limited(io.BytesIO(b"12345"), 4), 2)
    assert stream.read(3) == b"123"
    with pytest.raises(ValueError, match="it unpacks to more than 4 bytes"):
        stream.read(100)
