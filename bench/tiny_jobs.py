"""Jobs per minute of a sweep over tiny jobs: dlrun's launcher, Hydra's basic one, and joblib, in turn in one run.

    python bench/tiny_jobs.py             100 jobs each
    python bench/tiny_jobs.py --jobs 20   fewer

Each launcher gets the same jobs (one pass over 1,000 rows). The first figure is the whole command, start included.
Before that: what one job costs beyond the seconds that its summary.json gives to training.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

JOB = ["trainer.epochs=1", "data.n=1000", "device=cpu"]
LAUNCHERS = {
    "local": [],
    "basic": ["hydra/launcher=basic"],
    "joblib": ["hydra/launcher=joblib"],
}
ONE = {"one": ["launcher.workers=1"]}


def seconds(launcher: str, jobs: int, folder: Path) -> float:
    command = [
        sys.executable,
        "-m",
        "dlrun",
        "-m",
        f"seed=range({jobs})",
        *JOB,
        *(LAUNCHERS | ONE)[launcher],
        f"folder={folder}",
    ]
    start = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    return time.monotonic() - start


def beyond_training(jobs: int, folder: Path) -> float:
    """Seconds that one more job costs besides what it trains: a long sweep against a short one, one job at a time."""
    short, long = folder / "short", folder / "long"
    few = max(2, jobs // 10)
    taken = seconds("one", few + jobs, long) - seconds("one", few, short)
    return (taken - trained(long) + trained(short)) / jobs


def trained(sweep: Path) -> float:
    return sum(json.loads(path.read_text())["duration_s"] for path in sweep.glob("*/summary.json"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    taken: dict[str, list[float]] = {name: [] for name in LAUNCHERS}
    with tempfile.TemporaryDirectory() as scratch:
        cost = beyond_training(arguments.jobs, Path(scratch))
        print(f"a job costs {cost:.2f} s beyond its training, one at a time", flush=True)
        for number in range(arguments.rounds):  # interleaved: a slow minute of the machine meets all of them
            for name in LAUNCHERS:
                taken[name].append(seconds(name, arguments.jobs, Path(scratch) / f"{name}-{number}"))
                print(f"{name:8} {taken[name][-1]:6.1f} s", flush=True)
    best = {name: min(times) for name, times in taken.items()}
    for name, value in best.items():
        rate = 60 * arguments.jobs / value
        print(f"{name:8} {rate:6.1f} jobs a minute, {best['basic'] / value:.2f} times basic")


if __name__ == "__main__":
    main()
