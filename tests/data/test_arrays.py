"""Arrays of one's own: read as a table or images with classes or numbers, in parts, and refused in one message."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from options import options
from own_files import CLASSES, DRAW, IMAGES, NUMBERS, TABLE, saved

from dlrun.config import catalogue
from dlrun.data import arrays
from dlrun.data.base import Data
from dlrun.errors import UserError
from dlrun.tabular.arrays import told_task


def load(path: Path, **changed: Any) -> Data:
    changed.setdefault("task", told_task(str(path), None, None, None))
    return arrays.load(**options("data/arrays", path=str(path), **changed))


@pytest.mark.parametrize("name", ["a.npz", "a.safetensors", "a.pt"])
def test_a_table_with_classes_or_numbers(tmp_path: Path, name: str) -> None:
    data = load(saved(tmp_path / name, x=TABLE, y=CLASSES))
    assert (data.schema.inputs, data.schema.targets, data.schema.labels) == ("table", "class", ("0", "1", "2"))
    assert [len(part) for part in (data.train, data.val, data.test) if part] == [48, 6, 6]
    assert data.said[0] == f"reading {name}: x (60, 5) float64"
    assert data.said[1] == "y: 0 20, 1 20, 2 20 -> classify"
    assert set(data.schema.sizes) == catalogue.offers("arrays", "classify") == catalogue.offers("arrays", "regress")
    assert data.schema.x_scale is not None
    scaled = data.schema.x_scale.apply(data.train.x)
    assert scaled.mean(0).abs().max() < 1e-4 and (scaled.std(0, correction=0) - 1).abs().max() < 1e-4
    data = load(saved(tmp_path / name, X=TABLE.astype(np.float32), Y=NUMBERS))
    assert data.schema.targets == "number" and data.schema.sizes == {"in_features": 5, "outputs": 1}
    assert data.train.y is not None and data.train.y.shape == (48, 1)
    assert list(data.sha256) == [name]


def test_rows_and_targets_stay_together(tmp_path: Path) -> None:
    x = np.arange(60.0).reshape(60, 1)
    data = load(saved(tmp_path / "a.npz", x=x, y=x[:, 0] * 2 + 0.5))
    for part in (data.train, data.val, data.test):
        assert part is not None and part.y is not None and torch.equal(part.x * 2 + 0.5, part.y)


def test_parts_by_their_names(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.npz", train_images=IMAGES, train_labels=CLASSES, test_images=IMAGES, test_labels=CLASSES)
    data = load(path)
    assert [len(part) for part in (data.train, data.val, data.test) if part] == [54, 6, 60]
    assert data.said[-1].startswith("exact duplicates of examples that are trained on: 54 of test;")
    other = saved(tmp_path / "b.npz", x=IMAGES[:7], y=CLASSES[:7])
    data = load(path, val_path=str(other))
    assert [len(part) for part in (data.train, data.val, data.test) if part] == [60, 7, 60]
    with pytest.raises(UserError, match=r"a.npz: train_images is \(60, 8, 6\), and b.npz: x \(60, 5\)"):
        load(path, val_path=str(saved(tmp_path / "b.npz", x=TABLE, y=CLASSES)))


def test_images_and_what_their_values_become(tmp_path: Path) -> None:
    data = load(saved(tmp_path / "a.npz", x=IMAGES, y=CLASSES))
    assert set(data.schema.sizes) == catalogue.offers("arrays", "classify_images")
    assert data.schema.sizes == {"in_features": 48, "outputs": 3, "in_channels": 1, "height": 8, "width": 6}
    assert data.train.x.dtype == torch.uint8 and data.train.x.max() == 255
    assert data.said[0] == "reading a.npz: x (60, 8, 6) float64, 0 to 16 -> bytes"
    assert data.said[1].endswith("-> classify_images")
    colour = DRAW.integers(0, 256, (60, 8, 6, 3), np.uint8)
    last = load(saved(tmp_path / "a.npz", x=colour, y=CLASSES))
    first = load(saved(tmp_path / "a.npz", x=colour.transpose(0, 3, 1, 2), y=CLASSES))
    assert last.train.x.shape[1:] == (3, 8, 6) and torch.equal(last.train.x, first.train.x)
    assert last.schema.x_scale is not None and last.schema.x_scale.mean.shape == (3, 1, 1)
    bands = load(saved(tmp_path / "a.npz", x=DRAW.normal(size=(60, 12, 8, 6)), y=CLASSES))
    assert bands.train.x.dtype == torch.float32 and bands.schema.sizes["in_channels"] == 12
    flat = load(saved(tmp_path / "a.npz", x=IMAGES, y=NUMBERS), task="regress")
    assert flat.schema.inputs == "table" and flat.schema.sizes["in_features"] == 48


def test_targets_in_words_one_hot_or_in_a_file_of_their_own(tmp_path: Path) -> None:
    names = np.array(["rose", "daisy", "tulip"])[CLASSES]
    assert load(saved(tmp_path / "a.npz", x=TABLE, y=names)).schema.labels == ("daisy", "rose", "tulip")
    data = load(saved(tmp_path / "a.npz", x=TABLE, y=np.eye(3)[CLASSES]))
    assert data.schema.labels == ("0", "1", "2")
    np.save(tmp_path / "x.npy", TABLE)
    np.save(tmp_path / "y.npy", CLASSES.astype(float))
    alone = arrays.load(
        **options("data/arrays", path=str(tmp_path / "x.npy"), target_path=str(tmp_path / "y.npy"), task="classify")
    )
    assert alone.schema.labels == ("0", "1", "2") and list(alone.sha256) == ["x.npy", "y.npy"]
    with pytest.raises(UserError, match="is y.* Type data.y=NAME, or data.target_path=FILE. It has: x"):
        load(tmp_path / "x.npy")


# wrong input


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no number": (
        {"x": np.where(np.arange(300).reshape(60, 5) == 38, np.nan, TABLE)},
        "a.npz: x holds nan in row 8, column 4",
    ),
    "infinite": ({"y": np.where(np.arange(60) == 5, np.inf, NUMBERS)}, "a.npz: y holds inf in row 6"),
    "beyond 32 bits": ({"x": TABLE * 1e300}, "a.npz: x in 32 bits holds"),
    "lengths": ({"y": CLASSES[:59]}, "a.npz: x has 60 examples, and a.npz: y 59"),
    "one class": ({"y": np.array(["a"] * 60)}, "y is always a: there is nothing to tell apart"),
    "one number": ({"y": np.full(60, 0.5)}, "y is always 0.5: there is nothing to predict"),
    "many classes": (
        {"y": np.array([f"c{n}" for n in range(60)])},
        "60 different values for 60 examples: those are no classes",
    ),
    "objects": ({"x": np.array([{}] * 60)}, "a.npz: x holds Python objects: a pickle"),
    "complex": ({"x": TABLE * 1j}, "x holds complex128, and numbers are expected"),
    "dimensions": (
        {"x": np.zeros((60, 2, 2, 2, 2))},
        "(60, 2, 2, 2, 2); (N, F), (N, H, W) or (N, C, H, W) are expected",
    ),
    "empty": ({"x": np.zeros((0, 3)), "y": np.zeros(0)}, "x is (0, 3): it holds no examples"),
    "names": (
        {"x": None, "first": TABLE, "second": TABLE},
        "Type data.x=NAME. It has: y (60), first (60, 5), second (60, 5)",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_wrong_arrays_are_one_message(tmp_path: Path, what: str) -> None:
    changed, message = REFUSED[what]
    values = {name: value for name, value in ({"x": TABLE, "y": CLASSES} | changed).items() if value is not None}
    with pytest.raises(UserError) as raised:
        load(saved(tmp_path / "a.npz", **values))
    assert message in str(raised.value)


def test_what_memory_can_not_hold_is_refused(tmp_path: Path) -> None:
    """A tensor of one number that says it is 10^13 of them."""
    wide = torch.zeros(1).expand(60, 2**38)
    torch.save({"x": wide, "y": torch.arange(60) % 3}, tmp_path / "a.pt")
    with pytest.raises(UserError, match=r"a.pt: x, \(60, .*\), would take .* of memory"):
        load(tmp_path / "a.pt")


def test_a_folder_or_another_file(tmp_path: Path) -> None:
    (tmp_path / "a.npz").mkdir()
    with pytest.raises(UserError, match="is a folder, and one file is expected"):
        load(tmp_path / "a.npz")
    with pytest.raises(UserError, match="there is no such file"):
        load(tmp_path / "b.npz")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match="Arrays are read from .npz"):
        load(tmp_path / "a.csv")
    with pytest.raises(UserError, match="Type data.path=FILE.npz"):
        arrays.load(**options("data/arrays", task="regress"))
