"""All readers of datasets alike: against files that are cut, changed, bombs or something else, a result or one line."""

import gzip
import importlib
import io
import os
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dlrun.config import catalogue
from dlrun.data import airfoil, fashion_mnist, fr_en, fra_eng, imdb, jaychou_lyrics, ptb
from dlrun.errors import DataError, DlrunError
from dlrun.files import stand_ins
from dlrun.files.stand_ins import StandIn

FILES = {
    airfoil: airfoil.FILE,
    fr_en: fr_en.FILE,
    fra_eng: fra_eng.FILE,
    imdb: imdb.FILE,
    jaychou_lyrics: jaychou_lyrics.FILE,
    ptb: ptb.FILE,
    fashion_mnist: fashion_mnist.NAMES["test"][0],
}
Member = tuple[str, bytes]


def name_of(module: Any) -> str:
    return module.__name__.rpartition(".")[2]


def load(module: Any, folder: Path, **changed: Any) -> Any:
    node = catalogue.read("data", name_of(module))
    options = {key: value for key, value in node.items() if key not in ("_target_", "name", "files")}
    return module.load(folder, **options | changed)


def zipped(*members: Member, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def tarred(*members: Member | tarfile.TarInfo, reviews: int = 2) -> bytes:
    """A tarball of a few good reviews and these."""
    out = io.BytesIO()
    good = [
        (f"a/{part}/{kind}/{n}_1.txt", b"fine")
        for part in ("train", "test")
        for kind in ("neg", "pos")
        for n in range(reviews)
    ]
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as archive:
        for member in [*good, *members]:
            if isinstance(member, tarfile.TarInfo):
                archive.addfile(member, io.BytesIO(bytes(member.size)))
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            archive.addfile(info, io.BytesIO(member[1]))
    return out.getvalue()


def idx(header: bytes, *sizes: int, values: bytes = b"") -> bytes:
    return gzip.compress(header + struct.pack(f">{len(sizes)}I", *sizes) + values, 1)


def zeros(pieces: int) -> bytes:
    """A gzip of so many megabytes of zeros, a thousandth of that itself."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9) as file:
        for _ in range(pieces):
            file.write(bytes(1_000_000))
    return out.getvalue()


PTB = [(f"ptb/ptb.{part}.txt", b" a b <unk> \n" * 9) for part in ptb.PARTS]
LYRICS, PAIRS = jaychou_lyrics.MEMBER, fra_eng.MEMBER
BROKEN: dict[str, tuple[Any, Callable[[], bytes], str]] = {
    "idx of 10^12 pictures": (fashion_mnist, lambda: idx(b"\0\0\x08\x03", 4_000_000_000, 28, 28), "not what follows"),
    "idx of 4 dimensions": (
        fashion_mnist,
        lambda: idx(b"\0\0\x08\x04", 1, 1, 28, 28, values=bytes(784)),
        "no IDX file",
    ),
    "idx of 255 dimensions": (fashion_mnist, lambda: idx(b"\0\0\x08\xff", *[2**32 - 1] * 255), "no IDX file"),
    "idx of floats": (fashion_mnist, lambda: idx(b"\0\0\x0d\x03", 1, 28, 28, values=bytes(3136)), "no IDX file"),
    "idx of labels": (fashion_mnist, lambda: idx(b"\0\0\x08\x01", 500, values=bytes(500)), "no IDX file"),
    "idx of other sizes": (fashion_mnist, lambda: idx(b"\0\0\x08\x03", 1, 32, 32, values=bytes(1024)), "not what"),
    "idx of none": (fashion_mnist, lambda: idx(b"\0\0\x08\x03", 0, 28, 28), "not what follows"),
    "idx cut": (fashion_mnist, lambda: idx(b"\0\0\x08\x03", 500, 28, 28, values=bytes(784 * 499)), "not what follows"),
    "idx of fewer pictures than labels": (
        fashion_mnist,
        lambda: idx(b"\0\0\x08\x03", 1, 28, 28, values=bytes(784)),
        "label of ten for each",
    ),
    "gzip of a header's half": (fashion_mnist, lambda: gzip.compress(b"\0\0\x08"), "no IDX file"),
    "gzip bomb": (fashion_mnist, lambda: zeros(60), "more than 48,000,000 bytes"),
    "no gzip": (fashion_mnist, lambda: b"<html>Sign in</html>", "gzip"),
    "empty gzip": (fashion_mnist, lambda: b"", "no IDX file"),
    "zip of something else": (ptb, lambda: zipped(("x", b"x")), "no item named"),
    "zip with a name that leads out": (jaychou_lyrics, lambda: zipped(("../../" + LYRICS, b"x")), "no item named"),
    "zip bomb": (jaychou_lyrics, lambda: zipped((LYRICS, bytes(40_000_000))), "more than 4,000,000 bytes"),
    "zip packed by lzma": (ptb, lambda: zipped(*PTB, method=zipfile.ZIP_LZMA), "packed in a way"),
    "zip packed by bzip2": (ptb, lambda: zipped(*PTB, method=zipfile.ZIP_BZIP2), "packed in a way"),
    "no zip": (ptb, lambda: b"<html>Sign in</html>", "not a zip file"),
    "empty zip": (ptb, lambda: b"", "not a zip file"),
    "a line of 100 MB": (ptb, lambda: zipped((PTB[0][0], b"a" * 10**8), *PTB[1:]), "more than 16,000,000 bytes"),
    "no lines": (ptb, lambda: zipped((PTB[0][0], b"a b c"), *PTB[1:]), "no line of words"),
    "blank lines": (ptb, lambda: zipped((PTB[0][0], b"\n" * 99), *PTB[1:]), "no line of words"),
    "an empty part": (ptb, lambda: zipped(*PTB[:2], (PTB[2][0], b"")), "no line of words"),
    "words never trained on": (ptb, lambda: zipped((PTB[0][0], b"a\n"), (PTB[1][0], b"b\n"), PTB[2]), "'"),
    "ptb that is no text": (ptb, lambda: zipped((PTB[0][0], b"\xff\xfe"), *PTB[1:]), "not utf-8 text at byte 0"),
    "lyrics that are no text": (jaychou_lyrics, lambda: zipped((LYRICS, b"ok \x80")), "not utf-8 text at byte 3"),
    "no lyrics": (jaychou_lyrics, lambda: zipped((LYRICS, b" \n")), "no text"),
    "no pairs": (fra_eng, lambda: zipped((PAIRS, b"a b c\n" * 9)), "no pair of sentences"),
    "pairs of nothing": (fr_en, lambda: b"\t\n\t\t\n", "no pair of sentences"),
    "pairs that are no text": (fr_en, lambda: b"a\tb\n\xff\t\n", "not utf-8 text at byte 4"),
    "too many pairs": (fr_en, lambda: b"a\tb\n" * 2_000_000, "more than 4,000,000 bytes"),
    "no pairs at all": (fr_en, lambda: b"", "no pair of sentences"),
    "rows of other lengths": (airfoil, lambda: b"1 2 3 4 5 6\n1 2 3\n", "a row has 6 numbers"),
    "rows of words": (airfoil, lambda: b"1 2 3 4 5 x\n", "could not convert"),
    "rows of infinities": (airfoil, lambda: b"1 2 3 4 5 1e99\n" * 99, "not finite"),
    "rows of nan": (airfoil, lambda: b"1 2 3 4 5 nan\n" * 99, "not finite"),
    "no rows": (airfoil, lambda: b"\n\n", "a row has 6 numbers"),
    "rows without an end": (airfoil, lambda: b"1 " * 10**6, "more than 1,000,000 bytes"),
    "rows that are no text": (airfoil, lambda: b"\xe9", "not ascii text at byte 0"),
    "no tarball": (imdb, lambda: b"<html>", "gzip"),
    "tarball of nothing": (imdb, lambda: tarred(reviews=0), "it lacks reviews"),
    "tarball of another dataset": (imdb, lambda: tarred(("x/y/z.txt", b"x"), reviews=0), "it lacks reviews"),
    "review that is no text": (imdb, lambda: tarred(("a/train/pos/9_9.txt", b"\xff")), "not utf-8 text at byte 0"),
    "review of 2 MB": (imdb, lambda: tarred(("a/train/pos/9_9.txt", bytes(2_000_000))), "a review has 2,000,000"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_told_in_one_line(kind, root) -> None:
    module, make, reason = BROKEN[kind]
    folder, _ = stand_ins.stand_in(name_of(module), module.STAND_IN)
    (folder / FILES[module]).write_bytes(make())
    before = {path for path in root.rglob("*") if "prepared" not in path.parts}
    with pytest.raises(DataError) as caught:
        load(module, folder)
    said = str(caught.value)
    assert said.startswith(str(folder)) and "can't be read: " in said and reason in said and "\n" not in said
    assert len(said) < 400
    assert {path for path in root.rglob("*") if "prepared" not in path.parts} - before <= {folder / ".digests.json"}
    assert not list(root.glob("prepared/*.pt"))


def special(kind: bytes, name: str, link: str = "", size: int = 0) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, size
    return info


def test_a_tarballs_names_links_and_devices_lead_nowhere(root, tmp_path) -> None:
    """It is read as a stream: what is no plain review is passed by, and nothing is written anywhere."""
    review = "a/train/pos/{}_9.txt"
    content = tarred(
        special(tarfile.SYMTYPE, review.format(100), "/etc/passwd"),
        special(tarfile.LNKTYPE, review.format(101), "/etc/passwd"),
        special(tarfile.LNKTYPE, review.format(102), review.format(0)),
        special(tarfile.CHRTYPE, review.format(103)),
        special(tarfile.BLKTYPE, review.format(104)),
        special(tarfile.FIFOTYPE, review.format(105)),
        special(tarfile.DIRTYPE, review.format(106)),
        ("../train/pos/1_1.txt", b"leads out, but is read like any other"),
        ("/train/pos/2_1.txt", b"an absolute one, too"),
        ("../../../../etc/cron.d/x", b"no review"),
    )
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / imdb.FILE).write_bytes(content)
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    found = [review.name for review in imdb.reviews(tmp_path / "r" / imdb.FILE)]
    assert found == ["0_1.txt", "1_1.txt"] * 4 + ["1_1.txt", "2_1.txt"]
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize(
    "header",
    [
        lambda: special(tarfile.XHDTYPE, "x", size=1_000_000),
        lambda: special(tarfile.GNUTYPE_LONGNAME, "x", size=1_000_000),
        lambda: special(tarfile.REGTYPE, "no review", size=1_000_000),
        lambda: special(tarfile.GNUTYPE_SPARSE, "a/train/pos/9_9.txt", size=10**6 + 1),
    ],
)
def test_headers_that_claim_much(header, tmp_path, monkeypatch) -> None:
    """tarfile reads as much as a header says: the limit lies below it."""
    monkeypatch.setattr(imdb, "LARGEST", 500_000)
    (tmp_path / imdb.FILE).write_bytes(tarred(header()))
    with pytest.raises(DataError, match=f"{imdb.FILE} can't be read: "):
        list(imdb.reviews(tmp_path / imdb.FILE))


def test_a_file_that_is_none_does_not_hang(root) -> None:
    folder, _ = stand_ins.stand_in("airfoil", airfoil.STAND_IN)
    (folder / airfoil.FILE).unlink()
    with pytest.raises(DataError, match="No such file or directory"):
        load(airfoil, folder)
    os.mkfifo(folder / airfoil.FILE)
    with pytest.raises(DataError, match="it is not a file"):
        load(airfoil, folder)


# fuzzing: of each reader a whole file that is changed in places, and a made-up one

FUZZED = settings(
    max_examples=int(os.environ.get("DLRUN_FUZZ", "10")), deadline=None, suppress_health_check=list(HealthCheck)
)
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4), st.integers(0, 64)), max_size=6)


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory: pytest.TempPathFactory) -> dict[Any, Path]:
    made = {}
    for module in FILES:
        made[module] = tmp_path_factory.mktemp(name_of(module))
        module.write_stand_in(made[module])
    small = tarred(*((f"a/train/neg/{n}_2.txt", b"it is bad, bad") for n in range(9)))
    (made[imdb] / imdb.FILE).write_bytes(small)
    (made[ptb] / ptb.FILE).write_bytes(zipped(*PTB, method=zipfile.ZIP_STORED))
    return made


def tried(module: Any, content: bytes, whole: Path) -> None:
    """Loads a dataset with this content: a result, or a short error of ours."""
    with tempfile.TemporaryDirectory() as name:
        for path in whole.iterdir():
            os.link(path, Path(name, path.name))
        Path(name, FILES[module]).unlink()
        Path(name, FILES[module]).write_bytes(content)
        try:
            load(module, Path(name))
        except DlrunError as error:
            assert len(str(error)) < 500


@pytest.mark.parametrize("module", FILES, ids=name_of)
@FUZZED
@given(changes=CHANGES, end=st.floats(0, 1))
def test_any_change_of_a_whole_file(module, whole_files, changes, end) -> None:
    content = bytearray((whole_files[module] / FILES[module]).read_bytes())
    for place, new, dropped in changes:
        at = int(place * len(content))
        content[at : at + dropped] = new
    tried(module, bytes(content[: int(end * len(content)) + 1] if end < 0.3 else content), whole_files[module])


INSIDE = st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
NUMBERS = st.lists(st.lists(st.floats(), min_size=5, max_size=7), max_size=20)


@pytest.mark.parametrize("module", [ptb, jaychou_lyrics, fra_eng, fr_en, airfoil], ids=name_of)
@FUZZED
@given(texts=st.lists(INSIDE, min_size=3, max_size=3), rows=NUMBERS, tabs=st.booleans())
def test_any_text_inside(module, whole_files, texts, rows, tabs) -> None:
    if tabs:
        texts = [text.replace(b" ", b"\t") + b"\n" for text in texts]
    numbers = "\n".join("\t".join(map(repr, row)) for row in rows).encode()
    content = {
        ptb: lambda: zipped(*zip((f"ptb/ptb.{part}.txt" for part in ptb.PARTS), texts, strict=True)),
        jaychou_lyrics: lambda: zipped((LYRICS, texts[0])),
        fra_eng: lambda: zipped((PAIRS, b"\n".join(texts))),
        fr_en: lambda: b"\n".join(texts),
        airfoil: lambda: numbers,
    }[module]()
    tried(module, content, whole_files[module])


@FUZZED
@given(header=st.binary(max_size=20), sizes=st.lists(st.integers(0, 2**32 - 1), max_size=4), values=st.binary())
def test_any_idx(whole_files, header, sizes, values) -> None:
    tried(fashion_mnist, idx(header, *sizes, values=values), whole_files[fashion_mnist])
    tried(fashion_mnist, idx(b"\0\0\x08\x03", *sizes, values=values), whole_files[fashion_mnist])


@FUZZED
@given(
    names=st.lists(st.sampled_from(["a/train/pos/1.txt", "a/test/neg/../x", "/", "a", "é/train/neg/\U0001f600"])),
    texts=st.lists(INSIDE),
)
def test_any_tarball(whole_files, names, texts) -> None:
    tried(imdb, tarred(*zip(names, texts, strict=False), reviews=len(texts) % 2), whole_files[imdb])


def test_every_reader_of_files_is_tried_here() -> None:
    with_files = {name for name in catalogue.choices("data") if "files" in catalogue.read("data", name)}
    assert {name_of(module) for module in FILES} == with_files
    assert all(isinstance(importlib.import_module(f"dlrun.data.{name}").STAND_IN, StandIn) for name in with_files)
