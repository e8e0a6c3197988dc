"""Files of a user's own for tests: a table of houses, pictures of flowers, arrays in every format."""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from options import options
from PIL import Image

from dlrun.data import images
from dlrun.data.base import Data

# a table

CITIES = ("Rome", "Oslo", "Bern")


def house(number: int) -> dict[str, object]:
    """price = 100 area + 5,000 in Rome; the rest says nothing."""
    area, city = 20 + number * 7 % 100, CITIES[number % 3]
    return {
        "id": f"H{number:04}",
        "area": area,
        "city": city,
        "zip": f"0{1000 + number % 5}",
        "built": f"20{number % 20:02}-0{number % 9 + 1}-15",
        "country": "EU",
        "price": 100 * area + 5000 * (city == "Rome") + number % 2 / 2,
    }


def table_of(path: Path, rows: Sequence[Mapping[str, object]], delimiter: str = ",") -> Path:
    lines = [
        delimiter.join(rows[0]),
        *(delimiter.join("" if v is None else str(v) for v in row.values()) for row in rows),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    return table_of(tmp_path / "houses.csv", [house(number) for number in range(200)])


# pictures


def draw(path: Path, value: int, size: tuple[int, int] = (12, 12), mode: str = "L") -> Path:
    """A picture of its own noise around a brightness, in the format of its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(zlib.crc32(str(path.name).encode())).integers(0, 30, (size[1], size[0]))
    Image.fromarray((noise + value).clip(0, 255).astype(np.uint8)).convert(mode).save(path)
    return path


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    """Forty pictures in three classes."""
    for label, value, count in (("daisy", 20, 20), ("rose", 120, 12), ("tulip", 220, 8)):
        for number in range(count):
            draw(tmp_path / "flowers" / label / f"{label}{number}.png", value)
    return tmp_path / "flowers"


def load_pictures(path: Path, **changed: Any) -> Data:
    return images.load(**options("data/images", path=str(path), **changed))


def splits(data: Data) -> list[torch.Tensor]:
    """The pixels of each part, wherever they lie."""
    return [part.examples(torch.arange(len(part))) for part in (data.train, data.val, data.test) if part]


# arrays

DRAW = np.random.default_rng(0)
TABLE, NUMBERS, CLASSES = DRAW.normal(3, 2, (60, 5)), DRAW.normal(size=60), np.arange(60) % 3
IMAGES = DRAW.integers(0, 17, (60, 8, 6)).astype(float)


def saved(path: Path, **values: Any) -> Path:
    """In the format of its name."""
    if path.suffix == ".npz":
        np.savez_compressed(path, **values)
    elif path.suffix == ".safetensors":
        pytest.importorskip("safetensors.numpy").save_file(values, path)
    else:
        torch.save({name: torch.from_numpy(value) for name, value in values.items()}, path)
    return path
