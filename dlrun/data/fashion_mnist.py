"""Fashion-MNIST: 28 x 28 grey pictures of clothes in ten classes (arXiv 1708.07747; book 3.5)."""

import gzip
import math
import struct
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from dlrun.data.base import Data, Scale, Schema, Split, held_out, shuffled
from dlrun.errors import DataError
from dlrun.files import download
from dlrun.files.cache import prepared
from dlrun.files.reading import gunzipped, reading
from dlrun.files.stand_ins import StandIn
from dlrun.limits import Fraction, PositiveInt

LABELS = (
    "t-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
NAMES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
SIDE = 28
LARGEST = 48_000_000  # bytes of a file unpacked; 60,000 pictures have 47,040,016
READER_VERSION = 1
STAND_IN_COUNTS = {"train": 3000, "test": 500}
FLIPPED = 10  # every tenth label of the stand-in is wrong


def load(folder: Path, *, val: Fraction, resize: PositiveInt | None, seed: int) -> Data:
    """x (N, 1, H, W) uint8, y (N,) int64; x_scale is one mean and deviation over all pixels of the training part.

    Memory: a byte a pixel, 55 MB in all as published, 3.5 GB with resize=224.
    """
    raw = decoded(folder)
    x, test_x = (resized(raw[f"{part}_x"], resize) for part in ("train", "test"))
    y, test_y = raw["train_y"].long(), raw["test_y"].long()
    train_rows, val_rows, _ = held_out(shuffled(len(x), seed), val)
    train = Split(x[train_rows], y[train_rows])
    height, width = x.shape[2:]
    return Data(
        train,
        Split(x[val_rows], y[val_rows]) if len(val_rows) else None,
        Split(test_x, test_y),
        Schema(
            {"in_features": height * width, "in_channels": 1, "height": height, "width": width, "outputs": len(LABELS)},
            "image",
            "class",
            labels=LABELS,
            x_scale=pixel_scale(train.x),
        ),
    )


def decoded(folder: Path) -> dict[str, Tensor]:
    """The four files as tensors. Unpacking takes 0.5 s, reading them prepared a tenth of that."""
    key = {name: download.digest(folder / name) for pair in NAMES.values() for name in pair} | {
        "reader": READER_VERSION
    }

    def make() -> dict[str, Tensor]:
        made: dict[str, Tensor] = {}
        for part, (images, labels) in NAMES.items():
            x, y = read_idx(folder / images, SIDE, SIDE), read_idx(folder / labels)
            if len(x) != len(y) or y.max() >= len(LABELS):
                raise DataError(f"{folder / labels} can't be read: it does not have a label of ten for each picture.")
            made |= {f"{part}_x": x.unsqueeze(1), f"{part}_y": y}
        return made

    return prepared("fashion_mnist", key, make)


def read_idx(path: Path, *sizes: int) -> Tensor:
    """(N, *sizes) from an IDX file of bytes: two zeros, the type (8), how many sizes, they (big-endian), the values."""
    with reading(path):
        content = bytearray(gunzipped(path, LARGEST))  # a bytearray, as a tensor wants memory it may write to
        start = 8 + 4 * len(sizes)
        if content[:4] != bytes([0, 0, 8, 1 + len(sizes)]):
            raise ValueError(f"it is no IDX file of bytes in {1 + len(sizes)} dimensions")
        count, *found = struct.unpack_from(f">{1 + len(sizes)}I", content, 4)
        if not count or tuple(found) != sizes or count * math.prod(sizes) != len(content) - start:
            raise ValueError(f"{' x '.join(map(str, [count, *found]))} values are not what follows")
        return torch.frombuffer(content, dtype=torch.uint8, offset=start).reshape(count, *sizes)


def resized(x: Tensor, size: int | None) -> Tensor:
    """(N, 1, size, size) uint8, bilinear; in pieces, since as float32 all of it would take four times the memory."""
    if size is None or x.shape[2:] == (size, size):
        return x
    out = torch.empty(len(x), 1, size, size, dtype=torch.uint8)
    for start in range(0, len(x), 2000):
        piece = x[start : start + 2000].float()
        out[start : start + 2000] = interpolate(piece, (size, size), mode="bilinear", antialias=True).round()
    return out


def pixel_scale(x: Tensor) -> Scale:
    """() mean and deviation over all pixels, exact: from how often each of the 256 values occurs."""
    counts = torch.zeros(256, dtype=torch.float64)
    for piece in x.split(8000):
        counts += torch.bincount(piece.flatten(), minlength=256)
    values = torch.arange(256, dtype=torch.float64)
    mean = (counts @ values / counts.sum()).item()
    variance = (counts @ (values - mean) ** 2 / counts.sum()).item()
    return Scale(torch.tensor(mean), torch.tensor(math.sqrt(variance)))


def write_stand_in(folder: Path) -> None:
    """Ten patterns of 4 x 4 blocks, shifted by up to one pixel, with 2% of the pixels set at random."""
    draw = torch.Generator().manual_seed(0)
    patterns = torch.rand(10, 5, 5, generator=draw).gt(0.5).mul(200).byte()
    patterns = torch.nn.functional.pad(patterns.repeat_interleave(4, 1).repeat_interleave(4, 2), (4, 4, 4, 4))
    for part, (image_name, label_name) in NAMES.items():
        n = STAND_IN_COUNTS[part]
        true = torch.arange(n) % 10
        true = true[torch.randperm(n, generator=draw)]
        shifts = torch.randint(-1, 2, (n, 2), generator=draw).tolist()
        images = [patterns[label].roll(shift, (0, 1)) for label, shift in zip(true.tolist(), shifts, strict=True)]
        x = torch.stack(images)
        speckle = torch.rand(x.shape, generator=draw) < 0.02
        x = torch.where(speckle, 255 - x, x)
        other = (true + torch.randint(1, 10, (n,), generator=draw)) % 10
        y = torch.where(torch.arange(n) % FLIPPED == 0, other, true).byte()
        write_idx(folder / image_name, x)
        write_idx(folder / label_name, y)


def write_idx(path: Path, values: Tensor) -> None:
    header = bytes([0, 0, 8, values.dim()]) + struct.pack(f">{values.dim()}I", *values.shape)
    path.write_bytes(gzip.compress(header + values.numpy().tobytes(), 1, mtime=0))


STAND_IN = StandIn("1", write_stand_in, {"accuracy": 1 - 1 / FLIPPED})
"""The ten patterns differ in far more pixels than the speckle touches, so the pattern is certain; exactly every tenth
label names another class, at random, which nobody can foresee: 0.9."""
