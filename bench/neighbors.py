"""Asks finished runs for the neighbours of some words and writes them side by side into docs/neighbors.md.

    python bench/neighbors.py                     every word-vector run of `make reproduce`, seed 0
    python bench/neighbors.py RUN RUN --words chip monday --unseen microchips

`--unseen` are words that no vocabulary has: a run that can't spell them gets a dash.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "outputs" / "reproduce"
PAGE = ROOT / "docs" / "neighbors.md"
WORDS = ["chip", "monday", "oil", "president", "france", "million", "seven"]
UNSEEN = ["microchips", "tuesdays", "geologists"]

Near = dict[str, float]


def word_vector_runs() -> list[Path]:
    """Runs whose task makes word vectors, complete ones alone."""
    found = []
    for path in sorted(RUNS.glob("*-0/summary.json")):
        summary = json.loads(path.read_text(encoding="utf-8"))
        if summary["choices"]["task"] in ("word2vec", "cbow", "glove") and summary["status"] == "completed":
            found.append(path.parent)
    return found


def ask(run: Path, words: list[str], count: int) -> dict[str, Near]:
    """word -> its neighbours, the nearest first; nothing for words that the run refuses."""
    command = [sys.executable, "-m", "dlrun", "neighbors", str(run), *words, "--k", str(count), "--json"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if asked.returncode not in (0, 2):
        sys.exit(asked.stderr)
    return json.loads(asked.stdout) if asked.returncode == 0 else {}


def title(run: Path) -> str:
    """`skipgram_ptb-0` of the experiment skipgram_ptb; another run by its folder's name."""
    return run.name.removesuffix("-0")


def table(word: str, answers: dict[str, dict[str, Near]], count: int) -> list[str]:
    """The neighbours of a word, a column for each run."""
    columns = [list(near.get(word, {}).items()) for near in answers.values()]
    lines = ["", f"## {word}", "", "| " + " | ".join(answers) + " |", "|" + "---|" * len(answers)]
    for rank in range(count if any(columns) else 1):
        cells = [f"{column[rank][0]} {column[rank][1]:.2f}" if rank < len(column) else "–" for column in columns]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN")
    parser.add_argument("--words", nargs="+", default=WORDS)
    parser.add_argument("--unseen", nargs="*", default=UNSEEN)
    parser.add_argument("--k", type=int, default=6, help="neighbours of each word")
    arguments = parser.parse_args()
    runs = [run.resolve() for run in arguments.runs] or word_vector_runs()
    if not runs:
        sys.exit("There is no word-vector run yet: make reproduce only=skipgram_ptb")
    answers: dict[str, dict[str, Near]] = {}
    for run in runs:
        answers[title(run)] = ask(run, arguments.words, arguments.k)
        if not answers[title(run)]:
            sys.exit(f"{run} does not know one of: {' '.join(arguments.words)}")
        for word in arguments.unseen:
            answers[title(run)] |= ask(run, [word], arguments.k)
    lines = [
        "# Neighbours side by side",
        "",
        "The nearest words by cosine, of runs of `conf/experiment/`; written by `python bench/neighbors.py`.",
        f"Never seen in training: {', '.join(arguments.unseen)}; only a model that reads characters has vectors.",
    ]
    for word in [*arguments.words, *arguments.unseen]:
        lines += table(word, answers, arguments.k)
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(answers)} runs, {len(arguments.words) + len(arguments.unseen)} words")


if __name__ == "__main__":
    main()
