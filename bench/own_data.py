"""Five datasets that scikit-learn ships, from the file to a leaderboard and an exported model, beside its own models.

python bench/own_data.py FOLDER    writes the files, runs the commands, and prints the table of docs/own-data.md
"""

import inspect
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from sklearn import datasets
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.discovery import all_estimators, all_functions

import dlrun
from dlrun.config import assemble, compose
from dlrun.data.base import Data

HELD_OUT = ("data.val=0.2", "data.test=0.2")


class Case(NamedTuple):
    write: Callable[[Path], None]
    typed: tuple[str, ...]  # what says which data
    swept: tuple[str, ...]
    metric: str
    baseline: Any  # of scikit-learn, and its name
    name: str


def table(name: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        bunch = getattr(datasets, f"load_{name}")(as_frame=True, **({"scaled": False} if name == "diabetes" else {}))
        frame = bunch.frame
        if name != "diabetes":
            frame["target"] = [bunch.target_names[number] for number in frame["target"]]
        frame.to_csv(path, index=False)

    return write


def digits(path: Path) -> None:
    """A folder a class, a PNG of 8 x 8 a digit."""
    found = datasets.load_digits()
    for number, (pixels, label) in enumerate(zip(found.images, found.target, strict=True)):
        (path / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels * 15.9).astype(np.uint8)).save(path / str(label) / f"{number:04}.png")


def docstrings(path: Path) -> None:
    """What scikit-learn says of each of its public classes and functions, labelled by the module that it is in."""
    found = [*all_estimators(), *all_functions()]
    rows = [(inspect.getdoc(each) or "", each.__module__.split(".")[1]) for _, each in found]
    common = {label for label, count in Counter(label for _, label in rows).items() if count >= 20}
    lines = [json.dumps({"text": text, "module": label}) for text, label in rows if text and label in common]
    path.write_text("".join(f"{line}\n" for line in lines))


MLPS = ("model=mlp,linear", "optim.lr=0.001,0.01")
LOG_LOSS = "task.goal=min log_loss"  # of some 40 rows accuracy would be the same for most epochs
CASES = {
    "diabetes.csv": Case(
        table("diabetes"),
        ("data.target=target",),
        (*MLPS, "optim.weight_decay=0,0.1"),
        "r2",
        LinearRegression(),
        "LinearRegression",
    ),
    "wine.csv": Case(
        table("wine"),
        ("data.target=target", LOG_LOSS),
        MLPS,
        "accuracy",
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "LogisticRegression",
    ),
    "breast_cancer.csv": Case(
        table("breast_cancer"),
        ("data.target=target", LOG_LOSS),
        MLPS,
        "accuracy",
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "LogisticRegression",
    ),
    "digits": Case(digits, (), ("optim.lr=0.001,0.003", "task.random_shift=0,1"), "accuracy", SVC(gamma=0.001), "SVC"),
    "docstrings.jsonl": Case(
        docstrings,
        ("data.text=text", "data.target=module"),
        ("model=nbsvm,bag",),
        "accuracy",
        make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression(C=100, max_iter=1000)),
        "tf-idf, LogisticRegression",
    ),
}


def run(*argv: str) -> float:
    """Seconds that a command took."""
    began = time.monotonic()
    print("dlrun", *argv, flush=True)
    subprocess.run([sys.executable, "-m", "dlrun", *argv], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def loaded(path: Path, case: Case) -> Data:
    """The same split as the commands'."""
    composed = compose.Composer(compose.read([f"data={path}", *case.typed, *HELD_OUT])).one()
    return assemble.load_data(assemble.check(composed.config), replaceable=False)[0]


def of_baseline(path: Path, case: Case) -> float:
    """The metric of scikit-learn's model on the test part, fitted on the training part."""
    data = loaded(path, case)
    assert data.test is not None
    parts = []
    for split in (data.train, data.test):
        assert split.y is not None
        x: Any = split.x.numpy()
        if split.offsets is not None:
            assert data.schema.vocab is not None
            ends = split.offsets.tolist()
            x = [data.schema.vocab.text(split.x[a:b].tolist()) for a, b in zip(ends, ends[1:], strict=False)]
        elif x.ndim == 4:
            x = x.reshape(len(x), -1) / 15.9
        parts.append((x, split.y.numpy().ravel()))
    case.baseline.fit(*parts[0])
    answers = case.baseline.predict(parts[1][0])
    return (r2_score if case.metric == "r2" else accuracy_score)(parts[1][1], answers)


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, case in CASES.items():
        path = folder / name
        if not path.exists():
            case.write(path)
        sweep = folder / f"{path.stem}-sweep"
        seconds = run("-m", f"data={path}", *case.typed, *HELD_OUT, *case.swept, f"folder={sweep}")
        board = json.loads((sweep / "leaderboard.json").read_text())
        best = sweep / board["jobs"][0]["folder"]
        metrics = dlrun.Run(best).metrics
        exported = run("export", str(best), "--to", "onnx", "--check")
        score = metrics[f"test/{case.metric}"]
        rows.append(
            f"| {name} | {len(board['jobs'])} | {' '.join(board['jobs'][0]['overrides'])} | test/{case.metric} "
            f"{score:.4f} | {of_baseline(path, case):.4f} ({case.name}) | {seconds:.0f} s | {exported:.0f} s |"
        )
        print(rows[-1], flush=True)
    print("\n".join(rows))


if __name__ == "__main__":
    main()
