"""NASA's airfoil self-noise: a sound level in dB from 5 measurements of a wing in a wind tunnel (UCI; book 7.5).

Features: frequency (Hz), angle of attack (degrees), chord length (m), free-stream velocity (m/s), displacement
thickness of the suction side (m). 1,503 rows, tab-separated, the target last.
"""

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from dlrun.data.base import Data, Scale, Schema, Split, held_out, shuffled
from dlrun.files.reading import reading, whole
from dlrun.files.stand_ins import StandIn
from dlrun.limits import Fraction

FILE = "airfoil_self_noise.dat"
COLUMNS = 6
LARGEST = 1_000_000  # bytes; it has 60,000
BOOK_ROWS = 1500

# The stand-in: y = 125 + z @ WEIGHTS + noise, z the five features with mean 0 and standard deviation 1.
WEIGHTS = (3.0, -2.0, 2.0, -1.5, 1.0)
NOISE = 1.5


def load(folder: Path, *, split: Literal["random", "book"], val: Fraction, test: Fraction, seed: int) -> Data:
    """x (N, 5) and y (N, 1) in the file's units, with scales: mean and population standard deviation.

    random: rows drawn by `seed`, scales of the training part. book: scales over all rows, the first 1,500 to train on,
    nothing held out (`val`, `test` and `seed` then change nothing); the optimum of mse / 2 is there 0.241688.
    """
    rows = read(folder / FILE)
    if split == "book":
        parts, measured = [rows[:BOOK_ROWS], rows[:0], rows[:0]], rows
        note = "data.split=book: the first 1,500 rows are all trained on, nothing is held out"
    else:
        parts = [rows[chosen] for chosen in held_out(shuffled(len(rows), seed), val, test)]
        measured, note = parts[0], ""
    mean, std = measured.double().mean(0).float(), measured.double().std(0, correction=0).float()
    train, *rest = (Split(part[:, :-1].contiguous(), part[:, -1:].contiguous()) for part in parts)
    val_split, test_split = (part if len(part) else None for part in rest)
    return Data(
        train,
        val_split,
        test_split,
        Schema(
            {"in_features": rows.shape[1] - 1, "outputs": 1},
            "table",
            "number",
            x_scale=Scale(mean[:-1], std[:-1]),
            y_scale=Scale(mean[-1:], std[-1:]),
        ),
        note=note,
    )


def read(path: Path) -> Tensor:
    """(rows, 6) float32."""
    with reading(path):
        lines = whole(path, LARGEST).decode("ascii").splitlines()
        numbers = [[float(number) for number in line.split()] for line in lines if line.strip()]
        if not numbers or any(len(row) != COLUMNS for row in numbers):
            raise ValueError(f"a row has {COLUMNS} numbers")
        rows = torch.tensor(numbers)
        if not rows.isfinite().all():
            raise ValueError("a number in it is not finite")
    return rows


def write_stand_in(folder: Path) -> None:
    draw = torch.Generator().manual_seed(0)
    z = (torch.rand(1503, len(WEIGHTS), generator=draw, dtype=torch.float64) * 2 - 1) * 3**0.5
    y = 125 + z @ torch.tensor(WEIGHTS, dtype=torch.float64) + NOISE * torch.randn(1503, generator=draw)
    x = torch.tensor([4000, 8, 0.15, 50, 0.01]) + z * torch.tensor([2000, 4, 0.08, 15, 0.005])
    lines = [
        "\t".join(f"{number:.6g}" for number in [*row, level])
        for row, level in zip(x.tolist(), y.tolist(), strict=True)
    ]
    (folder / FILE).write_bytes("".join(f"{line}\r\n" for line in lines).encode())


STAND_IN = StandIn("1", write_stand_in, {"mse": NOISE**2 / (sum(w**2 for w in WEIGHTS) + NOISE**2)})
"""The noise's fraction of the target's variance, as mse is measured on the standardised target: 2.25 / 22.5 = 0.1.
No model can beat it but by chance (about ±12% on 150 rows to test on)."""
