"""Do memory and open files stay flat? A run of many tiny steps, and a sweep of many tiny jobs, looked at from outside.

python bench/flat.py [STEPS] [JOBS]
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STEPS, JOBS = 1_000_000, 1_000
RUN = ["data.n=2000", "batch_size=10", "trainer.epochs=null", "trainer.log_every_steps=1000", "device=cpu"]
RUN += ["trainer.eval_every_epochs=100", "trainer.checkpoint_every_epochs=100"]
SWEEP = ["-m", "model=linear", "data.n=40", "trainer.epochs=1"]


def look(process: int) -> tuple[float, int]:
    """Resident memory in MB, and open files."""
    status = Path(f"/proc/{process}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return resident / 1000, len(os.listdir(f"/proc/{process}/fd"))


def watch(folder: str, typed: list[str], done: str, seconds: float) -> None:
    """Prints what was seen at the first look in which a tenth was done, and at the last one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dlrun", *typed],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    seen = []
    while process.poll() is None:
        time.sleep(seconds)
        try:
            seen.append(look(process.pid))
        except (OSError, StopIteration):  # it has ended meanwhile
            break
    assert process.wait() == 0
    (early, files), (late, files_late) = seen[len(seen) // 10], seen[-1]
    print(f"{done}: {early:.0f} -> {late:.0f} MB, {files} -> {files_late} open files ({len(seen)} looks)", flush=True)


def main() -> None:
    steps, jobs = (int(each) for each in [*sys.argv[1:], *map(str, (STEPS, JOBS)[len(sys.argv) - 1 :])])
    with tempfile.TemporaryDirectory() as folder:
        watch(folder, [*RUN, f"trainer.max_steps={steps}", "folder=run"], f"a run of {steps:,} steps", 2.0)
        watch(folder, [*SWEEP, f"seed=range({jobs})", "folder=sweep"], f"a sweep of {jobs:,} jobs", 2.0)
        board = json.loads((Path(folder) / "sweep/leaderboard.json").read_text())
        assert len(board["jobs"]) == jobs and all(row["status"] == "completed" for row in board["jobs"])


if __name__ == "__main__":
    main()
