"""One picture file -> its pixels, upright, grey or RGB, in one size: the same for training and for `predict`. No torch.

Pillow is asked for a few plain formats alone: others of its readers start programs or follow references.
"""

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps

from dlrun.files import transport
from dlrun.store import kept

Fit = Literal["crop", "stretch", "pad"]
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")
LARGEST = 2**28  # bytes of a file
MOST_PIXELS = 100_000_000  # of a picture: a small file can unpack to any number
WHITE = 255  # what shows through where a picture is transparent


class Unreadable(Exception):
    """Why a picture can't be read, in a few words."""


class TooLarge(Unreadable):
    """More bytes or pixels than are read here."""


@dataclass(frozen=True)
class Facts:
    """What a file's head says, and the digest of all of it."""

    height: int
    width: int
    grey: bool
    sha256: bytes


def content(path: str | Path) -> bytes:
    """All of a file. FileNotFoundError where there is none, Unreadable for one that can't be read."""
    try:
        with transport.opened(Path(path)) as file:
            found = file.read(LARGEST + 1)
    except FileNotFoundError:
        if Path(path).is_symlink():
            raise Unreadable("it is a link to what is not there") from None
        raise
    except OSError as error:
        raise Unreadable(kept.reason(error)) from error
    except ValueError as error:  # a zero byte in its name
        raise Unreadable("it has no name that a file can have") from error
    if len(found) > LARGEST:
        raise TooLarge(f"it has more than {LARGEST:,} bytes")
    if not found:
        raise Unreadable("it is empty")
    return found


@contextmanager
def quietly() -> Iterator[None]:
    """Around reading: Pillow's warnings about a picture say nothing that is not said here. Not in several threads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def opened(found: bytes) -> Iterator[Image.Image]:
    """The first picture in a file's bytes, with nothing but its head read."""
    try:
        with Image.open(io.BytesIO(found), formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise TooLarge(f"it has more than {MOST_PIXELS:,} pixels")
            yield image
    except Unreadable:
        raise
    except Image.DecompressionBombError as error:
        raise TooLarge(f"it has more than {MOST_PIXELS:,} pixels") from error
    except MemoryError as error:
        raise TooLarge("it takes more memory than there is") from error
    except Exception as error:  # a damaged file: each of Pillow's readers stumbles in its own way
        raise Unreadable("it is no picture that can be read") from error


def look(path: str | Path) -> Facts:
    """Unreadable for what is no picture; its pixels may still be damaged."""
    try:
        found = content(path)
    except FileNotFoundError as error:
        raise Unreadable("there is no such file") from error
    with opened(found) as image:
        turned = image.format in ("JPEG", "MPO") and image.getexif().get(0x0112) in (5, 6, 7, 8)
        size = (image.width, image.height) if turned else (image.height, image.width)
        return Facts(*size, is_grey(image), hashlib.sha256(found).digest())


def is_grey(image: Image.Image) -> bool:
    if image.mode == "P":
        red, green, blue = (np.array((image.getpalette() or [0])[start::3]) for start in range(3))
        return len(red) == len(green) == len(blue) and bool(((red == green) & (green == blue)).all())
    return image.mode.startswith(("1", "L", "I", "F")) and image.mode != "LAB"


def pixels(found: bytes, channels: int, height: int, width: int, fit: Fit) -> np.ndarray:
    """A file's bytes -> (channels, height, width) uint8, grey if `channels` is 1, else RGB. Unreadable for no picture.

    `crop` keeps the middle, `stretch` all of it in another shape, `pad` all of it on black.
    """
    with opened(found) as image:
        side = 2 * max(height, width)
        image.draft(
            "L" if channels == 1 else "RGB", (side, side)
        )  # a large JPEG is decoded smaller: several times faster
        shown = sized(flat(upright(image), "L" if channels == 1 else "RGB"), height, width, fit)
        out = np.asarray(shown)
    return out[None] if channels == 1 else out.transpose(2, 0, 1)


def upright(image: Image.Image) -> Image.Image:
    """Turned as the camera was held."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # what it says of that is damaged; if the pixels are, that shows next
        return image


def flat(image: Image.Image, mode: str) -> Image.Image:
    """Eight bits a channel, without transparency."""
    if image.mode.startswith("I"):  # 16 bits; a whole number of 32 bits holds them, too
        wide = np.asarray(image).astype(np.int64).clip(0, 2**16 - 1)
        image = Image.fromarray((wide >> 8).astype(np.uint8))
    elif image.mode == "F":
        values = np.nan_to_num(np.asarray(image))
        scaled = values * 255 if values.max() <= 1 else values
        image = Image.fromarray(scaled.clip(0, 255).round().astype(np.uint8))
    elif image.mode.lower() in ("rgba", "la", "pa") or "transparency" in image.info:
        clear = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", clear.size, (WHITE,) * 4), clear)
    return image if image.mode == mode else image.convert(mode)


def sized(image: Image.Image, height: int, width: int, fit: Fit) -> Image.Image:
    if image.size == (width, height):
        return image
    if fit == "stretch":
        return image.resize((width, height))
    if fit == "crop":
        return ImageOps.fit(image, (width, height))
    if 2 * min(image.size) * min(height, width) <= max(image.size):  # nothing would be left of its thin side
        return image.resize((width, height))
    return ImageOps.pad(image, (width, height))
