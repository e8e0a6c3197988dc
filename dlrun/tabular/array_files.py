"""Files of arrays: .npz, .npy, .safetensors and .pt. What they unpack to is read from their heads before they are.

No pickle is ever loaded. torch is imported for .pt alone.
"""

from __future__ import annotations

import json
import math
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from dlrun.errors import DlrunError, UserError
from dlrun.files import own, transport
from dlrun.terminal.plain import amount

if TYPE_CHECKING:
    import torch

LONGEST_HEAD = 2**24  # bytes of a .safetensors file's
TENSORS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}


@dataclass(frozen=True)
class Entry:
    """One array in a file, not yet read."""

    where: str  # file and name, for messages
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    read: Callable[[], np.ndarray]


def shaped(shape: tuple[int, ...]) -> str:
    return f"({', '.join(f'{size:,}' for size in shape)})"


def heads(path: Path) -> dict[str, Entry]:
    """Name -> array. UserError for what is no such file, or holds pickles."""
    readers = {".npz": npz, ".npy": npy, ".safetensors": safetensors, ".pt": torch_file, ".pth": torch_file}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UserError(f"{path}: which kind of file is it? Arrays are read from {', '.join(readers)} files.")
    with understood(path):
        return reader(path)


@contextmanager
def understood(path: Path) -> Iterator[None]:
    try:
        with own.readable(path):
            yield
    except DlrunError:
        raise
    except Exception as error:  # zipfile, numpy, json and torch have no common error
        why = (str(error).splitlines() or [""])[0][:100]
        raise UserError(
            f"{path} can't be read as a {path.suffix.lower()} file ({why or type(error).__name__})."
        ) from error


def npy(path: Path) -> dict[str, Entry]:
    def read() -> np.ndarray:
        with understood(path), transport.opened(path) as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    with transport.opened(path) as file:
        shape, dtype = npy_head(file, path.name)
        check_size(path.name, shape, dtype, path.stat().st_size - file.tell())
    return {path.stem: Entry(path.name, shape, dtype, read)}


def npy_head(file: IO[bytes], where: str) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"version {version} of the format is not read here")
    shape, _, dtype = readers[version](file)
    if dtype.hasobject:
        raise UserError(f"{where} holds Python objects: a pickle, which could run code. Save plain numbers.")
    if dtype.fields or dtype.subdtype:
        raise UserError(f"{where} holds records ({str(dtype)[:60]}), and plain numbers are expected.")
    return tuple(map(int, shape)), dtype


def check_size(where: str, shape: tuple[int, ...], dtype: np.dtype[np.generic], there: int) -> None:
    if (wanted := math.prod(shape) * dtype.itemsize) != there:
        raise UserError(
            f"{where} is damaged: {shaped(shape)} of {dtype} makes {amount(wanted, 'byte')}, and it has {there:,}."
        )


def npz(path: Path) -> dict[str, Entry]:
    found = {}
    with transport.opened(path) as file, zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.filename.endswith(".npy"):
                name = info.filename.removesuffix(".npy")
                with archive.open(info) as inner:
                    shape, dtype = npy_head(inner, f"{path.name}: {name}")
                    check_size(f"{path.name}: {name}", shape, dtype, info.file_size - inner.tell())
                found[name] = Entry(f"{path.name}: {name}", shape, dtype, from_archive(path, info.filename))
    return found


def from_archive(path: Path, name: str) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        with understood(path), zipfile.ZipFile(path) as archive, archive.open(name) as inner:
            return np.lib.format.read_array(inner, allow_pickle=False)

    return read


def safetensors(path: Path) -> dict[str, Entry]:
    """Eight bytes with the length of its head, the head as JSON, the tensors' bytes."""
    size = path.stat().st_size
    with transport.opened(path) as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(LONGEST_HEAD, size - 8):
            raise ValueError(f"its head would have {length:,} bytes")
        head = json.loads(file.read(length))
    found = {}
    for name, about in head.items():
        if name == "__metadata__":
            continue
        where, shape = f"{path.name}: {name}", tuple(map(int, about["shape"]))
        if about["dtype"] not in TENSORS:
            raise UserError(f"{where} holds {about['dtype']}, and {', '.join(TENSORS)} are read here.")
        dtype, (begin, end) = np.dtype(TENSORS[about["dtype"]]), about["data_offsets"]
        if min((*shape, begin)) < 0 or end > size - 8 - length:
            raise ValueError("its head does not go with its length")
        check_size(where, shape, dtype, end - begin)
        found[name] = Entry(where, shape, dtype, from_bytes(path, 8 + length + begin, shape, dtype))
    return found


def from_bytes(path: Path, start: int, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Callable[[], np.ndarray]:
    def read() -> np.ndarray:
        with understood(path), transport.opened(path) as file:
            file.seek(start)
            return np.fromfile(file, dtype, math.prod(shape)).reshape(shape)

    return read


def torch_file(path: Path) -> dict[str, Entry]:
    """A dict of tensors, or a tuple of them."""
    import pickle

    import torch

    with transport.opened(path) as file:
        if zipfile.is_zipfile(file):
            packed = [each for each in zipfile.ZipFile(file).infolist() if each.compress_type != zipfile.ZIP_STORED]
            if packed:
                raise ValueError("it is compressed, which torch.save never does")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's about pickles that it refuses anyway
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(f"{path} holds more than tensors, which could run code. Save a dict of tensors.") from error
    if isinstance(content, list | tuple):
        content = {f"arr_{number}": each for number, each in enumerate(content)}
    if isinstance(content, torch.Tensor):
        content = {path.stem: content}
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no tensors by name. Save a dict of them, such as x and y.")
    tensors = {str(name): each for name, each in content.items() if isinstance(each, torch.Tensor)}
    return {
        name: Entry(f"{path.name}: {name}", *of_tensor(each, f"{path.name}: {name}")) for name, each in tensors.items()
    }


def of_tensor(
    tensor: torch.Tensor, where: str
) -> tuple[tuple[int, ...], np.dtype[np.generic], Callable[[], np.ndarray]]:
    import torch

    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_complex():
        raise UserError(f"{where} is a sparse, quantized or complex tensor, and a plain one is expected.")
    plain = tensor.detach()
    kind = torch.float32 if plain.dtype is torch.bfloat16 else plain.dtype
    return tuple(plain.shape), torch.empty(0, dtype=kind).numpy().dtype, lambda: plain.to(kind).contiguous().numpy()
