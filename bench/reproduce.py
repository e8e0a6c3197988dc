"""Reruns conf/experiment/*.yaml and writes docs/results.md: reference, reach, measured, time, machine, command.

    python bench/reproduce.py                      every experiment, those that are complete are kept
    python bench/reproduce.py lenet_fashion_mnist  only these, run again; with --keep, not those that are complete
    python bench/reproduce.py --seeds 1            at most so many seeds of each

An experiment's YAML says what it promises in its header comments: `reference:`, `reach: TAG <= NUMBER`, `seeds:`, and
`gpu` if it is too heavy for a CPU: without a GPU it is shown to learn on a part of the data, and the table says so.
Runs lie in outputs/reproduce/<experiment>-<seed>; one that was cut off goes on where it stopped.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "outputs" / "reproduce"
FIGURES = ROOT / "docs" / "results.json"
PAGE = ROOT / "docs" / "results.md"
ENDED = ("completed", "diverged")  # one experiment shows how gradient descent diverges
PART = ["trainer.epochs=1", "trainer.limit_batches=100"]  # of what needs a GPU, where there is none


def promises() -> dict[str, dict[str, str]]:
    """experiment -> its header: {"title": ..., "reference": ..., "reach": "test/accuracy >= 0.91", "seeds": "3"}; and
    "gpu" if it is marked so."""
    found = {}
    for path in sorted((ROOT / "conf" / "experiment").glob("*.yaml")):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("# ")]
        header = dict(re.findall(r"^# (title|reference|reach|seeds): (.+)$", "\n".join(lines), re.MULTILINE))
        found[path.stem] = {"seeds": "1"} | header | ({"gpu": "yes"} if "# gpu" in lines else {})
    return found


def train(experiment: str, seed: int, again: bool, more: list[str]) -> dict:
    """The summary of a complete run, made now with `more` overrides, continued, or found."""
    folder = RUNS / f"{experiment}-{seed}"
    if again and folder.exists():
        shutil.rmtree(folder)
    command = [sys.executable, "-m", "dlrun", f"experiment={experiment}", f"seed={seed}", f"folder={folder}", *more]
    if (folder / "summary.json").exists():
        summary = json.loads((folder / "summary.json").read_text())
        if summary["status"] in ENDED:
            return summary
        command = [sys.executable, "-m", "dlrun", "resume", str(folder)]
    code = subprocess.run(command, cwd=ROOT).returncode
    summary = json.loads((folder / "summary.json").read_text()) if (folder / "summary.json").exists() else {}
    if summary.get("status") not in ENDED:
        sys.exit(f"{' '.join(command)} ended with exit code {code}")
    return summary


def value(summary: dict, tag: str) -> float:
    """The test figure of the best checkpoint, or the best value of the goal itself."""
    goal = summary["goal"]
    return goal["best"] if tag == goal["metric"] else summary["metrics"][tag]


def measure(experiment: str, promise: dict[str, str], again: bool) -> dict:
    tag = promise["reach"].split()[0]
    more = PART if "gpu" in promise and not torch.cuda.is_available() else []
    summaries = [train(experiment, seed, again, more) for seed in range(int(promise["seeds"]))]
    first = summaries[0]
    goal = first["goal"]
    return {
        "part": " ".join(more),
        "tag": tag,
        "values": [value(summary, tag) for summary in summaries],
        "goal": {"tag": goal["metric"], "best": goal["best"], "best_step": goal["best_step"]}
        | {"last": first["metrics"].get(goal["metric"]), "last_step": first["step"]},
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


def row(name: str, promise: dict[str, str], figure: dict | None) -> str:
    if figure is None:
        when = "needs a GPU: not run yet" if "gpu" in promise else "not run yet"
        return f"| `experiment={name}` | {promise.get('reference', '')} | {promise['reach']} | {when} |  |  |"
    values, seconds = figure["values"], figure["seconds"]
    spread = f" ± {statistics.stdev(values):.2g}" if len(values) > 1 else ""
    sign, target = promise["reach"].split()[1:3]
    mean = statistics.mean(values)
    reached = mean <= float(target) if sign == "<=" else mean >= float(target)
    others = [f"{tag} {number:.4g}" for tag, number in sorted(figure["others"].items())]
    goal = figure.get("goal")
    if goal and goal["last"] is not None:
        others.insert(0, f"best {goal['tag']} {goal['best']:.4g} at step {goal['best_step']} of {goal['last_step']}")
    measured = f"{'' if reached else '**not reached:** '}{mean:.5g}{spread} ({len(values)})"
    if figure.get("part"):
        measured = f"needs a GPU; a part on a CPU, `{figure['part']}`: {mean:.5g}"
    cells = [
        f"`experiment={name}`",
        promise.get("reference", ""),
        promise["reach"],
        measured,
        ", ".join(others),
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
    lines += [row(name, promise, figures.get(name)) for name, promise in known.items()]
    machines = sorted({figure["machine"] for figure in figures.values()})
    table = "\n".join([*lines, "", f"Machine: {'; '.join(machines)}."])
    PAGE.write_text(f"{before}{marker}\n\n{table}\n\n<!-- end of table -->{after}", encoding="utf-8")


def main() -> None:
    known = promises()
    parser = argparse.ArgumentParser(description="Reruns experiments and writes docs/results.md.")
    parser.add_argument("names", nargs="*", metavar="EXPERIMENT", choices=[*known, []])
    parser.add_argument("--keep", action="store_true", help="do not run again what is complete")
    parser.add_argument("--seeds", type=int, default=99, metavar="N", help="at most so many seeds of each")
    arguments = parser.parse_args()
    for name in arguments.names or known:
        promise = known[name] | {"seeds": str(min(arguments.seeds, int(known[name]["seeds"])))}
        figure = measure(name, promise, again=bool(arguments.names) and not arguments.keep)
        # Read anew: another `reproduce` may have written while this one trained.
        figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
        FIGURES.write_text(
            json.dumps(dict(sorted((figures | {name: figure}).items())), indent=1) + "\n", encoding="utf-8"
        )
        write_page(figures | {name: figure})


if __name__ == "__main__":
    main()
