"""How much memory does a text take that is larger than it? A run of the program, watched while it prepares and trains.

    python bench/large_text.py TEXT [GIGABYTES] [WORD ...]      such as: book.txt 1.5 data.tokenizer=word

TEXT is written over and over into a file of that size. Printed are the largest resident memory of its own (RssAnon) and
with the pages of mapped files (VmRSS), which the system takes back when it needs them.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    text, size = Path(sys.argv[1]).read_bytes(), float(sys.argv[2]) if len(sys.argv) > 2 else 1.5
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/large.txt", "wb") as file:
            while file.tell() < size * 1e9:
                file.write(text)
        environment = os.environ | {"DLRUN_DATA": f"{folder}/data"}
        words = ["data=large.txt", "model.hidden=64", "trainer.max_steps=300", "trainer.limit_batches=300"]
        for title in ("first", "second"):
            typed = [sys.executable, "-m", "dlrun", *words, f"folder={title}", "device=cpu", *sys.argv[3:]]
            began, peaks = time.monotonic(), {"RssAnon": 0, "VmRSS": 0}
            with open(f"{folder}/{title}.log", "w") as log:
                run = subprocess.Popen(typed, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
                while run.poll() is None:
                    look(run.pid, peaks)
                    time.sleep(0.1)
            print(f"{title} run: {run.returncode}, {time.monotonic() - began:.0f} s, largest in MB:", end=" ")
            print({name: kilobytes // 1024 for name, kilobytes in peaks.items()}, flush=True)
            print(Path(f"{folder}/{title}.log").read_text()[-1500:])


def look(pid: int, peaks: dict[str, int]) -> None:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        name, _, value = line.partition(":")
        if name in peaks:
            peaks[name] = max(peaks[name], int(value.split()[0]))


if __name__ == "__main__":
    main()
