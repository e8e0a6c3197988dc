"""Pictures from a memory-mapped file beside the same ones in memory: how many a second, as batches and trained on.

    python bench/stream_images.py [--count 100000] [--side 32] [--batches 60]

Draws so many JPEG files in ten classes in a folder of its own, prepares them (the time is shown), and takes turns: so
many batches of the mapped file, as many of memory, seven rounds; the ratio of the best of each is shown, in seconds
and in processor time. The file is in the system's cache: it was written a moment ago.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import cross_entropy

from dlrun.config import catalogue
from dlrun.data import images
from dlrun.data.base import Data
from dlrun.model.resnet import ResNet
from dlrun.task.classify_images import ClassifyImages

ROUNDS = 7


def draw(folder: Path, count: int, side: int) -> None:
    noise = np.random.default_rng(0)
    for label in range(10):
        (folder / str(label)).mkdir()
    for number in range(count):
        pixels = noise.integers(0, 256, (side, side, 3), np.uint8)
        Image.fromarray(pixels).save(folder / str(number % 10) / f"{number}.jpg", quality=50)


def task_of(folder: Path, loaded: int) -> tuple[ClassifyImages, Data]:
    images.LOADED = loaded
    node = catalogue.read("data", "images")
    data = images.load(**{key: node[key] for key in node if key != "_target_"} | {"path": str(folder)})
    options = catalogue.read("task", "classify_images")
    task = ClassifyImages(data.schema, **{key: options[key] for key in options if key != "_target_"})
    task.attach(data)
    return task, data


def gathered(task: ClassifyImages, batches: int, epoch: int) -> None:
    for batch in islice(task.batches("train", 64, seed=0, epoch=epoch), batches):
        batch.inputs[0].sum()


def trained(task: ClassifyImages) -> Callable[[ClassifyImages, int, int], None]:
    sizes: dict[str, Any] = {name: task.size(name) for name in ("in_channels", "height", "width", "outputs")}
    options: dict[str, Any] = catalogue.read("model", "smallresnet")
    model = ResNet(**sizes, **{key: options[key] for key in options if key != "_target_"})
    optim = torch.optim.Adam(model.parameters(), fused=True)

    def train(task: ClassifyImages, batches: int, epoch: int) -> None:
        for batch in islice(task.batches("train", 64, seed=0, epoch=epoch), batches):
            optim.zero_grad()
            cross_entropy(model(*batch.inputs), batch.y).backward()
            optim.step()

    return train


def compare(
    what: str,
    run: Callable[[ClassifyImages, int, int], None],
    tasks: list[ClassifyImages],
    batches: int,
) -> None:
    took: list[list[tuple[float, float]]] = [[], []]
    for number in range(ROUNDS):
        for which in (0, 1) if number % 2 else (1, 0):
            start, busy = time.perf_counter(), time.process_time()
            run(tasks[which], batches, number)
            took[which].append((time.perf_counter() - start, time.process_time() - busy))
    mapped, memory = ([min(each) for each in zip(*times, strict=True)] for times in took)
    speeds = [round(64 * batches / times[0]) for times in (mapped, memory)]
    print(
        f"{what}: mapped {speeds[0]:,}, in memory {speeds[1]:,} pictures/s; "
        f"ratio {memory[0] / mapped[0]:.3f} in seconds, {memory[1] / mapped[1]:.3f} in processor time"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--batches", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dlrun-stream-") as place:
        os.environ["DLRUN_DATA"] = f"{place}/data"
        folder = Path(place, "drawn")
        folder.mkdir()
        draw(folder, asked.count, asked.side)
        start, busy = time.perf_counter(), time.process_time()
        mapped, _ = task_of(folder, 0)
        took = f"{time.perf_counter() - start:.1f} s, {time.process_time() - busy:.1f} s of a processor"
        print(f"prepared {asked.count:,} of {asked.side} x {asked.side} in {took}")
        start = time.perf_counter()
        held, data = task_of(folder, 2**60)
        print(f"opened again and read into memory in {time.perf_counter() - start:.1f} s; {data.said[0]}")
        compare("batches alone", gathered, [mapped, held], asked.batches)
        compare("training", trained(mapped), [mapped, held], asked.batches)


if __name__ == "__main__":
    main()
