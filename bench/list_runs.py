"""How long `dlrun runs` takes over 10,000 run folders: the whole command, Python's start included; under 2 s.

python bench/list_runs.py [COUNT]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from dlrun.config import catalogue

REPEATS = 3
COMMANDS: tuple[list[str], ...] = (
    [],
    ["--where", "status=failed", "model=lstm"],
    ["--sort", "val/perplexity", "--limit", "20"],
    ["--json"],
    ["--where", "optim.lr=0.01"],  # reads every config: what a key of it costs
)


def make(folder: Path, number: int, config: str) -> None:
    """A tenth of the runs has failed, a tenth lies in sweeps."""
    day = folder / f"2026-{number % 12 + 1:02}-{number // 12 % 28 + 1:02}"
    run = (day / "00-00-00-sweep" if number % 10 == 3 else day) / f"{number}-lstm-ptb"
    (run / "checkpoints").mkdir(parents=True)
    (run / "config.yaml").write_text(config.replace("lr: 0.001", f"lr: {10.0 ** -(number % 4)}"))
    (run / "metrics.jsonl").write_text("")
    tags = [f"{split}/{name}" for split in ("train", "val", "test") for name in ("loss", "perplexity", "accuracy")]
    summary = {
        "status": "failed" if number % 10 == 0 else "completed",
        "choices": {"model": ("lstm", "gru")[number % 2], "data": "ptb", "task": "lm", "optim": "adam"},
        "parameters": 4_650_000,
        "seed": number,
        "device": "cpu",
        "data": {"name": "ptb", "source": "upstream", "sha256": {name: "0" * 64 for name in ("a", "b", "c")}},
        "overrides": ["model=lstm", "optim=adam", f"seed={number}"],
        "versions": {"python": "3.11", "dlrun": "0.1.0", "torch": "2.13.0", "numpy": "2.0", "hydra-core": "1.3.8"},
        "git": {"commit": "0" * 40, "changed": False},
        "goal": {"metric": "val/perplexity", "mode": "min", "best": 100 + number % 97, "best_step": 100},
        "metrics": {tag: 0.123456789 * (number % 89) for tag in tags},
        "epoch": 6,
        "step": 1000,
        "duration_s": 12.5,
        "examples_per_s": 1000.0,
    }
    (run / "summary.json").write_text(json.dumps(summary, indent=1))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    groups = {"task": "lm", "data": "ptb", "optim": "adam", "model": "lstm", "trainer": "default", "device": "auto"}
    config = yaml.safe_dump(
        {group: catalogue.read(group, name) for group, name in groups.items()} | {"choices": groups}
    )
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            make(Path(folder), number, config)
        for options in COMMANDS:
            command = [sys.executable, "-m", "dlrun", "runs", folder, *options]
            taken, before = [], os.times()
            for _ in range(REPEATS):
                start = time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                taken.append(time.perf_counter() - start)
            after = os.times()
            spent = sum(after[2:4]) - sum(before[2:4])  # of the children, which a busy machine does not stretch
            print(
                f"{count:,} runs  {min(taken):5.2f} to {max(taken):5.2f} s, of it {spent / REPEATS:5.2f} s computing"
                f"  dlrun runs {' '.join(options)}",
                flush=True,
            )


if __name__ == "__main__":
    main()
