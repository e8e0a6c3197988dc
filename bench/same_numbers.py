"""Do two versions of dlrun make the same numbers? One run of every task, on stand-ins, with each of two interpreters.

    python bench/same_numbers.py OLD_PYTHON NEW_PYTHON
    python bench/same_numbers.py OLD_PYTHON NEW_PYTHON --task lm --task glove

Each run stops in the midst of a pass and goes on. metrics.jsonl must then be the same line by line, but for clocks and
speeds, and so must every tensor in best.pt and last.pt, bit for bit. Ends with 1 where something differs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from dlrun.config import renamed

CLOCKS = ("time_s", "speed/examples_per_s")
COMMON = ["stand_in=always", "device=cpu", "trainer.log_every_steps=4", "trainer.limit_batches=12", "seed=3"]
COMMON += ["trainer.epochs=null"]  # of some tasks four passes are fewer steps than END
STOP, END = "trainer.max_steps=17", "trainer.max_steps=40"  # in the second pass, and in the fourth
TASKS = {
    "regress": ["model=mlp", "data=airfoil", "optim=adam", "model.dropout=0.2", "scheduler=cosine"],
    "regress, nothing held out": ["model=linear", "data=airfoil", "data.split=book", "optim.lr=0.05"],
    "classify images": ["model=lenet", "task.random_shift=2", "task.random_flip=true", "scheduler=onecycle"],
    "classify texts": ["model=bag", "data=imdb", "trainer.accumulate=2"],
    "lm": ["model=lstm", "model.hidden=16", "model.embed=16", "model.dropout=0.3"],
    "word2vec": ["model=skipgram", "model.embed=8"],
    "cbow": ["model=cbow", "model.embed=8"],
    "glove": ["model=glove", "model.embed=8"],
    "translate": ["model=seq2seq", "model.hidden=16", "model.embed=16"],
    "minimize": ["model=point", "optim.lr=0.1"],
}


def train(python: str, typed: list[str], home: Path) -> Path:
    """A run that was stopped and went on; its folder. `home` also keeps this side's data: stand-ins may differ too."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "DLRUN_DATA": str(home / "data")}
    home.mkdir(exist_ok=True)
    for arguments in ([*typed, *COMMON, STOP, "folder=run"], ["resume", "run", END]):
        for words in (arguments, [of_before(word) for word in arguments]):
            done = subprocess.run(
                [python, "-m", "dlrun", *words], cwd=home, env=environment, capture_output=True, text=True
            )
            if done.returncode != 2:
                break
        if done.returncode:
            sys.exit(f"{python} -m dlrun {' '.join(arguments)}\n{done.stderr}")
    return (home / "run").rename(home / f"run-{len(list(home.iterdir()))}")


def of_before(word: str) -> str:
    """`task.random_flip=true` as an older dlrun has it: `task.flip=true`."""
    old_names = {new: old for old, new in renamed.KEYS.items()}
    key, equals, value = word.partition("=")
    return f"{old_names.get(key, key)}{equals}{value}"


def lines(run: Path) -> list[dict[str, Any]]:
    text = (run / "metrics.jsonl").read_text(encoding="utf-8")
    return [{key: value for key, value in json.loads(line).items() if key not in CLOCKS} for line in text.splitlines()]


def tensors(run: Path, name: str) -> dict[str, torch.Tensor]:
    """The model's and the optimizer's, by where they are in the checkpoint."""
    state = torch.load(run / "checkpoints" / f"{name}.pt", weights_only=True)
    return dict(walk({"model": state["model"], "optim": state["optim"]}))


def walk(node: Any, place: str = "") -> list[tuple[str, torch.Tensor]]:
    if isinstance(node, torch.Tensor):
        return [(place, node)]
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list | tuple) else ()
    return [found for key, value in inner for found in walk(value, f"{place}.{key}")]


def differences(old: Path, new: Path) -> list[str]:
    found = []
    before, after = lines(old), lines(new)
    if len(before) != len(after):
        found.append(f"{len(before)} lines of metrics became {len(after)}")
    for first, second in zip(before, after, strict=False):
        keys = [key for key in first | second if str(first.get(key)) != str(second.get(key))]  # so that nan equals nan
        found += [f"step {first['step']}: {key} {first.get(key)} became {second.get(key)}" for key in keys]
    for name in ("best", "last"):
        one, two = tensors(old, name), tensors(new, name)
        keys = sorted(key for key in one | two if key not in one or key not in two or not same(one[key], two[key]))
        found += [f"{name}.pt: {key}" for key in keys]
    return found


def same(one: torch.Tensor, two: torch.Tensor) -> bool:
    return one.dtype == two.dtype and one.shape == two.shape and bool(torch.equal(one.nan_to_num(), two.nan_to_num()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("pythons", nargs=2, metavar="PYTHON", help="interpreters that import the old and the new dlrun")
    parser.add_argument("--task", action="append", choices=list(TASKS), help="only these")
    arguments = parser.parse_args()
    bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for task in arguments.task or TASKS:
            # The path as typed: a virtual environment's interpreter is a link, and to follow it would leave it.
            pythons = [os.path.abspath(python) for python in arguments.pythons]
            old, new = (
                train(python, TASKS[task], Path(folder) / side)
                for python, side in zip(pythons, ("old", "new"), strict=True)
            )
            found = differences(old, new)
            bad += bool(found)
            count = f"{len(lines(new))} lines, {len(tensors(new, 'last'))} tensors"
            print(f"{task}: " + ("the same, " + count if not found else "; ".join(found[:5])), flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
