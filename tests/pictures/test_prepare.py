"""All pictures in one file: decoded once, made again where they changed or were damaged, some left out, sizes told."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from own_files import draw, load_pictures, splits

from dlrun.errors import UserError
from dlrun.pictures import decode, prepare


def test_pictures_are_decoded_once(flowers: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load_pictures(flowers)
    with monkeypatch.context() as context:
        context.setattr(decode, "content", None)  # nothing is read again
        assert torch.equal(load_pictures(flowers).train.x, first.train.x)
    draw(flowers / "daisy" / "daisy0.png", 100)
    second = load_pictures(flowers)
    assert second.sha256 != first.sha256
    assert len(list(root.rglob("*.pixels"))) == 1  # the older ones are gone
    kept = next(root.rglob("*.pixels"))
    content = bytearray(kept.read_bytes())
    content[100] ^= 1
    kept.write_bytes(content)  # damaged: made again
    assert torch.equal(load_pictures(flowers).train.x, second.train.x)


@pytest.mark.parametrize("what", ["in the way", "full"])
def test_nothing_fails_where_nothing_can_be_kept(
    flowers: Path, root: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load_pictures(flowers)
    shutil.rmtree(root)
    if what == "in the way":
        root.mkdir()
        (root / "prepared").write_text("in the way")
    else:
        usage = shutil.disk_usage(flowers)
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=100))
    assert torch.equal(load_pictures(flowers).train.x, before.train.x)
    assert not list(root.rglob("*.pixels"))


def test_a_digest_tells_names_labels_and_contents(flowers: Path) -> None:
    first = load_pictures(flowers).sha256
    assert list(first) == ["flowers"] and load_pictures(flowers, seed=7, resize=8).sha256 == first
    os.utime(flowers / "daisy" / "daisy1.png")
    assert load_pictures(flowers).sha256 == first
    (flowers / "daisy" / "daisy1.png").rename(flowers / "rose" / "daisy1.png")
    assert load_pictures(flowers).sha256 != first


def test_a_few_unreadable_pictures_are_left_out_and_told(flowers: Path) -> None:
    (flowers / "rose" / "rose0.png").write_bytes(b"no picture")
    whole = (flowers / "rose" / "rose1.png").read_bytes()
    (flowers / "rose" / "rose1.png").write_bytes(whole[: len(whole) // 2])  # its head can be read
    data = load_pictures(flowers)
    assert "2 unreadable pictures left out (rose/rose0.png: it is no picture" in data.said[1]
    assert sum(map(len, splits(data))) == 38
    with pytest.raises(UserError, match="rose0.png can't be read: it is no picture.*strict=true leaves none out"):
        load_pictures(flowers, strict=True)
    (flowers / "rose" / "rose2.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"rose0.png can't be read.*At most 5% may be left out"):
        load_pictures(flowers)


@pytest.mark.parametrize(
    ("sizes", "side", "found"),
    [
        ([[480, 640]] * 5 + [[30, 40]], None, (96, 96)),  # the middle one of their shorter sides, and 96 at most
        ([[32, 48]] * 2, None, (32, 48)),  # small and all alike: as they are
        ([[3, 3]] * 2, None, (8, 8)),
        ([[61, 80], [62, 90]], None, (64, 64)),
        ([[200, 200]] * 2, None, (96, 96)),
        ([[32, 48]] * 2, 20, (20, 20)),
    ],
)
def test_the_size_that_all_are_brought_to(sizes: list[list[int]], side: int | None, found: tuple[int, int]) -> None:
    assert prepare.size_of(np.array(sizes), side) == found


def prepared(paths: list[Path], **changed: Any) -> prepare.Prepared:
    chosen = prepare.Options(**({"side": None, "fit": "crop", "strict": False} | changed))
    return prepare.prepared(
        [str(paths[0].parent)], [path.name for path in paths], [str(path) for path in paths], chosen
    )


def test_what_is_known_of_the_pixels_is_what_they_are(tmp_path: Path) -> None:
    paths = [draw(tmp_path / f"{n:02}.png", n * 5, (12, 9) if n else (20, 30)) for n in range(40)]
    paths[7].write_bytes(b"no picture")
    found = prepared(paths, side=10)
    assert found.rows.tolist() == [n for n in range(40) if n != 7]
    assert [name for name, _ in found.bad] == ["07.png"]
    assert found.pixels.shape == (39, 1, 10, 10) and (found.smallest, found.largest) == ((9, 12), (30, 20))
    wide = np.asarray(found.pixels).astype(np.int64)
    assert found.sums.tolist() == wide.sum((2, 3)).tolist()
    assert found.squares.tolist() == (wide * wide).sum((2, 3)).tolist()
    assert bytes(found.digests[0].tolist()) == hashlib.sha256(paths[0].read_bytes()).digest()
    assert (found.pixels[5] == decode.pixels(decode.content(paths[5]), 1, 10, 10, "crop")).all()
    with pytest.raises(UserError, match="07.png can't be read: it is no picture"):
        prepared(paths, side=10, strict=True)  # what is kept does not hide it


def test_one_coloured_picture_makes_all_of_three_channels(tmp_path: Path) -> None:
    paths = [draw(tmp_path / f"{n}.png", 100, mode="RGB" if n == 3 else "L") for n in range(5)]
    assert prepared(paths).pixels.shape == (5, 3, 12, 12) and prepared(paths[:3]).pixels.shape == (3, 1, 12, 12)


def test_other_settings_are_kept_beside(tmp_path: Path, root: Path) -> None:
    paths = [draw(tmp_path / f"{n}.png", 100, (20, 30)) for n in range(3)]
    for side, fit in ((8, "crop"), (9, "crop"), (8, "pad")):
        prepared(paths, side=side, fit=fit)
    assert len(list(root.rglob("*.pixels"))) == 3
