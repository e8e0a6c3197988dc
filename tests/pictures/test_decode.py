"""A picture's file to its pixels: every format, upright, in one size, and what is no picture."""

import hashlib
import os
import random
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from own_files import draw
from PIL import Image

from dlrun.pictures import decode


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.bmp", "a.gif", "a.tif"])
def test_every_format_is_read(tmp_path: Path, name: str) -> None:
    path = draw(tmp_path / name, 100)
    found = decode.pixels(decode.content(path), 1, 12, 12, "crop")
    assert found.shape == (1, 12, 12) and found.dtype == np.uint8 and 100 < found.mean() < 130
    assert decode.look(path).height == 12


def one(image: Image.Image, tmp_path: Path, channels: int = 3, **saved: Any) -> np.ndarray:
    image.save(tmp_path / "one.png", **saved)
    return decode.pixels(decode.content(tmp_path / "one.png"), channels, image.height, image.width, "crop")


def test_transparent_16_bit_palette_cmyk_and_animated(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (4, 4), (200, 0, 0, 0))
    assert (one(clear, tmp_path) == 255).all()
    deep = Image.fromarray(np.full((4, 4), 40_000, np.uint16))
    assert (one(deep, tmp_path, 1) == 40_000 >> 8).all()
    palette = Image.new("RGB", (4, 4), (10, 200, 30)).quantize(4)
    assert one(palette, tmp_path)[:, 0, 0].tolist() == [10, 200, 30]
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "print.jpg")
    red, green, blue = decode.pixels(decode.content(tmp_path / "print.jpg"), 3, 8, 8, "crop").mean((1, 2))
    assert red > 200 and green < 60 and blue < 60
    frames = [Image.new("L", (4, 4), value) for value in (50, 250)]
    frames[0].save(tmp_path / "moves.gif", save_all=True, append_images=frames[1:])
    assert (decode.pixels(decode.content(tmp_path / "moves.gif"), 1, 4, 4, "crop") == 50).all()


def test_a_photograph_is_turned_as_the_camera_was_held(tmp_path: Path) -> None:
    half = np.zeros((8, 16), np.uint8)
    half[:, 8:] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    Image.fromarray(half).save(tmp_path / "held.jpg", exif=exif, quality=95)
    assert (decode.look(tmp_path / "held.jpg").height, decode.look(tmp_path / "held.jpg").width) == (16, 8)
    found = decode.pixels(decode.content(tmp_path / "held.jpg"), 1, 16, 8, "crop")[0]
    assert found[:6].max() < 20 and found[10:].min() > 235


def test_crop_stretch_and_pad(tmp_path: Path) -> None:
    wide = np.zeros((8, 24), np.uint8)
    wide[:, 8:16] = 200
    Image.fromarray(wide).save(tmp_path / "wide.png")
    found = {
        fit: decode.pixels(decode.content(tmp_path / "wide.png"), 1, 8, 8, fit)[0]  # type: ignore[arg-type]
        for fit in ("crop", "stretch", "pad")
    }
    assert (found["crop"] == 200).all()
    assert found["stretch"][4, 0] < 30 and found["stretch"][4, 4] > 150
    assert (found["pad"][:2] == 0).all() and found["pad"][4, 4] > 150


@pytest.mark.parametrize("fit", ["crop", "stretch", "pad"])
def test_the_example_beside_an_export_reads_pictures_alike(tmp_path: Path, fit: decode.Fit) -> None:
    """It stands alone, so that it has the same again."""
    schema = {"sizes": {"in_channels": 3, "height": 8, "width": 12}, "x_scale": {"mean": 0, "std": 1}, "fit": fit}
    example: dict[str, Any] = {"schema": schema}
    exec(files("dlrun.export").joinpath("templates/image.txt").read_text(), example)
    noise = np.random.default_rng(0).integers(0, 256, (150, 211, 4), np.uint8)
    for name, mode in (("a.jpg", "RGB"), ("b.png", "RGBA"), ("c.png", "LA"), ("d.gif", "P"), ("e.png", "I;16")):
        picture = Image.fromarray(noise[..., 0].astype(np.uint16) * 200) if mode == "I;16" else Image.fromarray(noise)
        (picture if mode == "I;16" else picture.convert(mode)).save(tmp_path / name)
        ours = decode.pixels(decode.content(tmp_path / name), 3, 8, 12, fit)
        assert (example["read"](tmp_path / name)[0][0] == ours).all(), name


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.gif", "a.tif"])
def test_any_bytes_are_a_picture_or_unreadable(tmp_path: Path, name: str) -> None:
    content, chance = draw(tmp_path / name, 100).read_bytes(), random.Random(name)
    with decode.quietly():
        for _ in range(100):
            changed = bytearray(content)
            for _ in range(chance.choice((1, 2, 8))):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            with suppress(decode.Unreadable):
                assert decode.pixels(bytes(changed[: chance.randrange(20, 2000)]), 3, 8, 8, "pad").shape == (3, 8, 8)


def test_what_is_no_file_of_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "link.png").symlink_to("gone")
    os.mkfifo(tmp_path / "pipe.png")
    for name, said in (
        ("empty.png", "it is empty"),
        ("link.png", "it is a link to what is not there"),
        ("pipe.png", "it is not a file"),
        ("a\0b.png", "it has no name that a file can have"),
    ):
        with pytest.raises(decode.Unreadable, match=said):
            decode.content(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        decode.content(tmp_path / "nowhere.png")
    with pytest.raises(decode.Unreadable, match="there is no such file"):
        decode.look(tmp_path / "nowhere.png")
    monkeypatch.setattr(decode, "LARGEST", 10)
    with pytest.raises(decode.TooLarge, match="it has more than 10 bytes"):
        decode.content(draw(tmp_path / "a.png", 10))


def test_a_format_that_is_not_asked_for(tmp_path: Path) -> None:
    """Of EPS Pillow would start a program."""
    Image.new("L", (4, 4)).save(tmp_path / "a.eps")
    with pytest.raises(decode.Unreadable, match="it is no picture that can be read"):
        decode.look(tmp_path / "a.eps")


@pytest.mark.parametrize(
    ("mode", "value", "grey"),
    [("L", 7, True), ("1", 1, True), ("LA", (7, 255), True), ("I;16", 7, True), ("RGB", (7, 7, 7), False)],
)
def test_grey_is_told_from_the_head(tmp_path: Path, mode: str, value: Any, grey: bool) -> None:
    Image.new(mode, (4, 3), value).save(tmp_path / "a.png")
    assert decode.look(tmp_path / "a.png").grey == grey
    facts = decode.look(tmp_path / "a.png")
    assert (facts.height, facts.width) == (3, 4)
    assert facts.sha256 == hashlib.sha256((tmp_path / "a.png").read_bytes()).digest()


def test_a_palette_of_greys_is_grey(tmp_path: Path) -> None:
    for value, grey in (((9, 9, 9), True), ((9, 9, 10), False)):
        Image.new("RGB", (4, 4), value).quantize(1).save(tmp_path / "a.png")
        assert decode.look(tmp_path / "a.png").grey == grey


def test_of_a_very_thin_picture_something_is_left(tmp_path: Path) -> None:
    """Padded to 8 x 8 one of 200 x 1 would be a line of no pixel."""
    Image.new("L", (200, 1), 255).save(tmp_path / "thin.png")
    assert (decode.pixels(decode.content(tmp_path / "thin.png"), 1, 8, 8, "pad") == 255).all()
