"""A language model's step on a CPU, with and without dlrun.device.keep_freed_memory: seconds and pages taken, in turns.

python bench/keep_memory.py --rounds 3
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time

import torch
from torch import nn
from torch.nn.functional import cross_entropy, embedding

from dlrun.device import keep_freed_memory

WORDS, UNITS, TOKENS, ROWS, STEPS = 10_000, 200, 35, 20, 20


def measure() -> tuple[float, float]:
    """Seconds of CPU time and page faults of a step: two LSTM layers, tied vectors, plain gradient descent."""
    lstm, vectors = nn.LSTM(UNITS, UNITS, 2), nn.Parameter(0.01 * torch.randn(WORDS, UNITS))
    optimizer = torch.optim.SGD([*lstm.parameters(), vectors], lr=0.1)
    ids, y = torch.randint(WORDS, (TOKENS, ROWS)), torch.randint(WORDS, (TOKENS * ROWS,))

    def step() -> None:
        optimizer.zero_grad()
        cross_entropy(lstm(embedding(ids, vectors))[0].flatten(0, 1) @ vectors.T, y).backward()
        optimizer.step()

    for _ in range(3):
        step()
    pages, began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.process_time()
    for _ in range(STEPS):
        step()
    seconds = time.process_time() - began
    return seconds / STEPS, (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - pages) / STEPS


def child(kept: bool) -> tuple[float, float]:
    command = [sys.executable, __file__, "--child", str(int(kept))]
    seconds, pages = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(seconds), float(pages)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child is not None:
        if arguments.child:
            keep_freed_memory()
        print(*measure())
        return
    ratios = []
    for _ in range(arguments.rounds):
        (plain, pages), (kept, kept_pages) = child(False), child(True)
        ratios.append(plain / kept)
        print(f"without {plain:.3f} s, {pages:,.0f} pages   with {kept:.3f} s, {kept_pages:,.0f} pages")
    print(f"{statistics.median(ratios):.2f} times as fast with the memory kept (median of {len(ratios)})")


if __name__ == "__main__":
    main()
