"""Files of arrays: their heads say what is read, no pickle is ever loaded, and bombs are seen before they unpack."""

import io
import pickle
import random
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from own_files import CLASSES, TABLE, saved

from dlrun.errors import UserError
from dlrun.tabular.array_files import heads


def everything(path: Path) -> dict[str, np.ndarray]:
    return {name: each.read() for name, each in heads(path).items()}


@pytest.mark.parametrize("name", ["a.npz", "a.safetensors", "a.pt", "a.PT"])
def test_heads_say_what_is_read(tmp_path: Path, name: str) -> None:
    values = {"x": TABLE.astype(np.float32), "y": CLASSES, "flag": CLASSES > 0}
    found = heads(saved(tmp_path / name, **values))
    for key, value in values.items():
        entry = found[key]
        assert (entry.where, entry.shape, entry.dtype) == (f"{name}: {key}", value.shape, value.dtype)
        assert entry.read().dtype == value.dtype and (entry.read() == value).all()


def test_one_array_has_the_name_of_its_file(tmp_path: Path) -> None:
    for path in (tmp_path / "prices.npy", tmp_path / "prices.pt"):
        np.save(path, TABLE) if path.suffix == ".npy" else torch.save(torch.from_numpy(TABLE), path)
        ((name, entry),) = heads(path).items()
        assert name == "prices" and (entry.read() == TABLE).all()
    torch.save((torch.zeros(2), torch.ones(3)), tmp_path / "pair.pt")
    assert {name: each.shape for name, each in heads(tmp_path / "pair.pt").items()} == {"arr_0": (2,), "arr_1": (3,)}


def test_what_numpy_has_no_type_for(tmp_path: Path) -> None:
    torch.save({"half": torch.tensor([1.5, -2.0], dtype=torch.bfloat16)}, tmp_path / "a.pt")
    half = heads(tmp_path / "a.pt")["half"]
    assert half.dtype == np.float32 and half.read().tolist() == [1.5, -2.0]
    torch.save({"sparse": torch.eye(3).to_sparse()}, tmp_path / "b.pt")
    with pytest.raises(UserError, match="b.pt: sparse is a sparse, quantized or complex tensor"):
        heads(tmp_path / "b.pt")


def test_records_and_other_kinds_of_files(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(2, [("x", "<f8"), ("y", "<i4")]))
    with pytest.raises(UserError, match="a.npy holds records .*, and plain numbers are expected"):
        heads(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", x=np.array([{}, None]))
    with pytest.raises(UserError, match="a.npz: x holds Python objects: a pickle, which could run code."):
        heads(tmp_path / "a.npz")
    (tmp_path / "a.h5").write_bytes(b"x")
    with pytest.raises(UserError, match="a.h5: which kind of file is it. Arrays are read from .npz, .npy, "):
        heads(tmp_path / "a.h5")
    torch.save({"x": 5}, tmp_path / "c.pt")
    assert heads(tmp_path / "c.pt") == {}  # of other plain values nothing is read


# hostile ones


class Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("harm"),))


def claimed(shape: tuple[int, ...]) -> bytes:
    """The head of an array of that shape, and nothing behind it."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue()


def zipped(path: Path, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(f"{name}.npy", content)
    return path


def test_hostile_files_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    y = io.BytesIO()
    np.save(y, CLASSES)
    cases = {
        "bomb.npz": zipped(tmp_path / "bomb.npz", x=claimed((60, 10**13)) + bytes(1000), y=y.getvalue()),
        "ragged.npz": zipped(tmp_path / "ragged.npz", x=claimed((60, 5)) + bytes(60 * 5 * 8 - 1), y=y.getvalue()),
    }
    for path in cases.values():
        with pytest.raises(UserError, match=r"x is damaged: \(60, .*\) of float64 makes .* bytes, and it has"):
            everything(path)
    (tmp_path / "a.npy").write_bytes(pickle.dumps(Harm()))
    (tmp_path / "b.npz").write_bytes(b"PK no zip")
    (tmp_path / "c.safetensors").write_bytes((2**60).to_bytes(8, "little"))
    torch.save({"x": Harm()}, tmp_path / "d.pt")
    (tmp_path / "e.pt").write_bytes(b"text")
    for name, message in {
        "a.npy": "can't be read as a .npy file",
        "b.npz": "can't be read as a .npz file",
        "c.safetensors": "its head would have",
        "d.pt": "holds more than tensors, which could run code",
        "e.pt": "e.pt",
    }.items():
        with pytest.raises(UserError, match=message):
            everything(tmp_path / name)
    assert not Path("harm").exists()


@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.safetensors", "a.pt"])
def test_any_bytes_are_arrays_or_one_message(tmp_path: Path, name: str) -> None:
    if name == "a.npy":
        np.save(tmp_path / name, TABLE)
    else:
        saved(tmp_path / name, x=TABLE, y=CLASSES)
    content, chance = (tmp_path / name).read_bytes(), random.Random(name)
    for _ in range(60):
        changed = bytearray(content)
        for _ in range(chance.choice((1, 2, 8))):
            changed[chance.randrange(min(len(changed), chance.choice((128, 10_000))))] = chance.randrange(256)
        (tmp_path / name).write_bytes(changed[: chance.choice((len(changed), chance.randrange(10, 1000)))])
        with suppress(UserError):
            assert all(isinstance(array, np.ndarray) for array in everything(tmp_path / name).values())
