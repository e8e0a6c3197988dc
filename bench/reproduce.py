"""Reruns conf/experiment/*.yaml and writes docs/results.md: reference, reach, measured, time, machine, command.

    python bench/reproduce.py                      every experiment, those that are complete are kept
    python bench/reproduce.py lenet_fashion_mnist  only these, run again

An experiment's YAML says what it promises in its header comments: `reference:`, `reach: TAG <= NUMBER`, `seeds:`.
Runs lie in outputs/reproduce/<experiment>-<seed>; one that was cut off goes on where it stopped.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "outputs" / "reproduce"
FIGURES = ROOT / "docs" / "results.json"
PAGE = ROOT / "docs" / "results.md"


def promises() -> dict[str, dict[str, str]]:
    """experiment -> its header: {"title": ..., "reference": ..., "reach": "test/accuracy >= 0.91", "seeds": "3"}."""
    found = {}
    for path in sorted((ROOT / "conf" / "experiment").glob("*.yaml")):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# ")]
        header = dict(re.findall(r"^# (title|reference|reach|seeds): (.+)$", "\n".join(lines), re.MULTILINE))
        found[path.stem] = {"seeds": "1"} | header
    return found


def train(experiment: str, seed: int, again: bool) -> dict:
    """The summary of a complete run, made now, continued, or found."""
    folder = RUNS / f"{experiment}-{seed}"
    if again and folder.exists():
        shutil.rmtree(folder)
    command = [sys.executable, "-m", "dlrun", f"experiment={experiment}", f"seed={seed}", f"folder={folder}"]
    if (folder / "summary.json").exists():
        summary = json.loads((folder / "summary.json").read_text())
        if summary["status"] == "completed":
            return summary
        command = [sys.executable, "-m", "dlrun", "resume", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True)
    return json.loads((folder / "summary.json").read_text())


def value(summary: dict, tag: str) -> float:
    """The test figure of the best checkpoint, or the best value of the goal itself."""
    goal = summary["goal"]
    return goal["best"] if tag == goal["metric"] else summary["metrics"][tag]


def measure(experiment: str, promise: dict[str, str], again: bool) -> dict:
    tag = promise["reach"].split()[0]
    summaries = [train(experiment, seed, again) for seed in range(int(promise["seeds"]))]
    first = summaries[0]
    return {
        "tag": tag,
        "values": [value(summary, tag) for summary in summaries],
        "best_epoch_of": [summary["goal"]["best_step"] for summary in summaries],
        "others": {key: v for key, v in first["metrics"].items() if re.match(r"(val|test)/", key) and key != tag},
        "seconds": [summary["duration_s"] for summary in summaries],
        "parameters": first["parameters"],
        "source": first["data"]["source"],
        "device": first["device"],
        "machine": machine(),
    }


def machine() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
        name = re.findall(r"model name\s*: (.+)", text)[0]
    except (OSError, IndexError):
        name = platform.processor() or platform.machine()
    return f"{os.cpu_count()} cores, {name}"


def row(name: str, promise: dict[str, str], figure: dict) -> str:
    values, seconds = figure["values"], figure["seconds"]
    spread = f" ± {statistics.stdev(values):.2g}" if len(values) > 1 else ""
    sign, target = promise["reach"].split()[1:3]
    mean = statistics.mean(values)
    reached = mean <= float(target) if sign == "<=" else mean >= float(target)
    others = ", ".join(f"{tag} {number:.4g}" for tag, number in sorted(figure["others"].items()))
    cells = [
        f"`experiment={name}`",
        promise.get("reference", ""),
        promise["reach"],
        f"{'' if reached else '**not reached:** '}{mean:.5g}{spread} ({len(values)})",
        others,
        f"{statistics.mean(seconds):.0f} s",
    ]
    return "| " + " | ".join(cells) + " |"


def write_page(figures: dict[str, dict]) -> None:
    """docs/results.md: the page's own words above the line `<!-- table -->` are kept."""
    marker = "<!-- table: written by make reproduce -->"
    text = PAGE.read_text(encoding="utf-8") if PAGE.exists() else "# Results\n\n"
    before = text.split(marker)[0]
    after = text.split("<!-- end of table -->")[1] if "<!-- end of table -->" in text else "\n"
    heads = ["command: `dlrun …`", "reference", "reach", "measured: mean ± std (seeds)", "also", "time a run"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    known = promises()
    lines += [row(name, known[name], figure) for name, figure in sorted(figures.items()) if name in known]
    machines = sorted({figure["machine"] for figure in figures.values()})
    table = "\n".join([*lines, "", f"Machine: {'; '.join(machines)}."])
    PAGE.write_text(f"{before}{marker}\n\n{table}\n\n<!-- end of table -->{after}", encoding="utf-8")


def main() -> None:
    wanted, known = sys.argv[1:], promises()
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"There is no experiment {unknown[0]}. Possible: {', '.join(known)}")
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    for name in wanted or known:
        figures[name] = measure(name, known[name], again=bool(wanted))
        FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        write_page(figures)


if __name__ == "__main__":
    main()
