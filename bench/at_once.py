"""Many dlruns started in the same moment: every run and sweep must get a folder of its own.

python bench/at_once.py                          20 sweeps of two jobs and 50 single runs
python bench/at_once.py --sweeps 2 --runs 4      fewer
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

QUICK = ["trainer.epochs=1", "trainer.max_steps=3", "device=cpu"]


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "dlrun", *arguments, *QUICK]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sweeps", type=int, default=20)
    parser.add_argument("--runs", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder, begun = Path(scratch), time.monotonic()
        processes = [start(folder, "-m", "seed=0,1", "launcher.workers=1") for _ in range(arguments.sweeps)]
        processes += [start(folder) for _ in range(arguments.runs)]
        errors = [process.communicate()[1] for process in processes if process.wait() != 0]
        sweeps = list(folder.glob("outputs/*/*-sweep*/leaderboard.json"))
        singles = [path for path in folder.glob("outputs/*/*/summary.json")]
        jobs = [path for path in folder.glob("outputs/*/*-sweep*/*/summary.json")]
        done = sum(json.loads(path.read_text())["status"] == "completed" for path in [*singles, *jobs])
        print(f"{len(processes)} processes in {time.monotonic() - begun:.0f} s, {len(errors)} failed")
        print(f"{len(sweeps)} sweeps with {len(jobs)} jobs, {len(singles)} single runs, {done} runs completed")
        for error in errors[:3]:
            print(error)
        right = (len(sweeps), len(jobs), len(singles)) == (arguments.sweeps, 2 * arguments.sweeps, arguments.runs)
        sys.exit(0 if right and done == len(jobs) + len(singles) and not errors else 1)


if __name__ == "__main__":
    main()
