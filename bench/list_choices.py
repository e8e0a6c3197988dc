"""Seconds of `dlrun list` by Pythons that have two versions of dlrun, in turn: python bench/list_choices.py OLD NEW.

With the stand-ins there already, which older versions write and read for the answer.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 9


def main(pythons: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "DLRUN_DATA": folder}
        took: dict[str, list[float]] = {python: [] for python in pythons}
        answers = set()
        for _ in range(ROUNDS + 1):
            for python, seconds in took.items():
                begun = time.perf_counter()
                command = [python, "-m", "dlrun", "list", "--json"]
                answers.add(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
                seconds.append(time.perf_counter() - begun)
    for python, seconds in took.items():  # the first round makes the stand-ins
        print(f"{statistics.median(seconds[1:]):6.2f} s (first {seconds[0]:.2f} s)  {python}")
    print("the same answer" if len(answers) == 1 else "ANSWERS DIFFER")


if __name__ == "__main__":
    main(sys.argv[1:])
