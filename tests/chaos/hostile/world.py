"""A small world to attack: a home, a data folder, other runs, and a stranger's folder in the middle of them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SMALL = ["trainer.limit_batches=2", "batch_size=8", "device=cpu"]
LM = ["model=lstm", "data=jaychou_lyrics", "stand_in=always", "model.hidden=8", *SMALL]
BASES = {  # what is copied and then made hostile -> how it was made
    "run": ["model=linear", "trainer.max_steps=3", *SMALL],
    "lm": [*LM, "trainer.max_steps=2"],
    "translation": ["model=seq2seq", "data=fr_en", "stand_in=always", "trainer.max_steps=2", *SMALL],
    "ngram": ["model=ngram", "data=ptb", "stand_in=always", "device=cpu"],
    "sweep": ["-m", "model=linear", "optim.lr=0.1,0.01", "trainer.max_steps=3", *SMALL],
    "search": ["-m", "model=linear", "hydra/sweeper=optuna", "hydra.sweeper.trials=2", "optim.lr=interval(0.01,0.1)"]
    + ["trainer.max_steps=3", *SMALL],
}
HERE = "stranger"  # the hostile folder's name
LONG = 10.0  # seconds of computing, or of doing nothing: a call that takes more is said to hang
MANY = 1500  # MB of memory that no call needs

VERBS: dict[str, tuple[str, list[str]]] = {  # name of a call -> what the folder is a copy of, and what is typed
    "eval": ("run", ["eval", HERE]),
    "eval_last": ("run", ["eval", HERE, "--checkpoint", "last", "--json"]),
    "resume": ("run", ["resume", HERE, "trainer.max_steps=6"]),
    "rerun": ("run", ["rerun", HERE]),
    "predict": ("run", ["predict", HERE, "1,2"]),
    "sample": ("lm", ["sample", HERE, "想春", "--length", "5"]),
    "neighbors": ("lm", ["neighbors", HERE, "想"]),
    "analogy": ("lm", ["analogy", HERE, "想", "不", "春"]),
    "vectors": ("lm", [*LM, "trainer.max_steps=1", "init=vectors", f"init.run={HERE}", "folder=outputs/new"]),
    "attention": ("translation", ["predict", HERE, "unu knabo sekvas", "--attention"]),
    "runs": ("run", ["runs", "."]),
    "runs_where": ("run", ["runs", ".", "--where", "optim.lr=0.1", "--sort", "batch_size", "--csv"]),
    "compare": ("run", ["compare", HERE, "other/run"]),
    "prune": ("run", ["prune", ".", "--where", "status=failed", "--runs", "--yes"]),
    "prune_last": ("run", ["prune", HERE, "--where", "seed=0", "step=3", "--yes", "--all-checkpoints", "--json"]),
    "resume_sweep": ("sweep", ["resume", HERE, "--retry-failed"]),
    "extend": ("sweep", ["resume", HERE, "--extend", "optim.lr=0.3"]),
    "runs_sweep": ("sweep", ["runs", ".", "--json"]),
    "prune_sweep": ("sweep", ["prune", ".", "--where", "status=failed", "--runs", "--yes"]),
    "resume_search": ("search", ["resume", HERE]),
}
ANSWERS = ("eval", "resume", "rerun", "predict", "sample", "neighbors", "analogy", "vectors")
LISTS = ("runs", "runs_where", "compare", "prune")
TORN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Answer:
    """How one call ended."""

    code: int | None
    seconds: float
    cpu: float
    mb: float
    out: str
    err: str

    def problems(self) -> list[str]:
        """What no call may do, whatever it is given."""
        said = self.out + self.err
        found = []
        if self.code is None:
            return [f"hangs: not ended after {self.seconds:.0f} s"]
        if "Traceback (most recent call last)" in said:
            found.append(f"traceback: {said.strip().splitlines()[-1][:200]}")
        if self.code not in (0, 1, 2, 3) or (self.code and "error: " not in self.err):
            found.append(f"exit code {self.code}, and says {self.err[-200:]!r}")
        if self.code and len(re.findall(r"^error: ", self.err, re.MULTILINE)) > 1:
            found.append("more than one error")
        if self.code and len(self.err) > 4000:
            found.append(f"a message of {len(self.err):,} characters: {self.err[:200]!r} ...")
        if torn := TORN.search(said):
            found.append(f"sends a control character: {said[max(0, torn.start() - 30) : torn.end() + 30]!r}")
        if self.mb > MANY:
            found.append(f"takes {self.mb:,.0f} MB of memory")
        return found


class World:
    def __init__(self, root: Path):
        self.root = root.resolve()
        self.watched = self.root / "w"  # nothing in it may change but the stranger's folder, and new runs in outputs/
        self.home, self.data, self.cwd, self.canary = (self.watched / n for n in ("home", "data", "cwd", "canary"))
        self.here = self.cwd / HERE
        self.env = {
            "HOME": str(self.home), "DLRUN_DATA": str(self.data), "DLRUN_MIRRORS": "", "OMP_NUM_THREADS": "1",
            "TMPDIR": str(self.root / "tmp"), "NO_COLOR": "", "COLUMNS": "100",
            # No call of a test leaves this machine: what asks for an address finds nobody there.
            **dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"),
        }  # fmt: skip
        environment = os.environ | self.env | {"PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
        self.errors = (root / "server.txt").open("w")
        self.server = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("server.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True, env=environment, cwd="/",
        )  # fmt: skip
        (self.root / "tmp").mkdir()

    def close(self) -> None:
        assert self.server.stdin is not None
        self.server.stdin.close()
        self.server.wait(timeout=30)
        self.errors.close()

    def ready(self) -> None:
        self.reply()

    def reply(self) -> Any:
        assert self.server.stdout is not None
        line = self.server.stdout.readline()
        assert line, f"the server ended: {(self.root / 'server.txt').read_text()[-2000:]}"
        return json.loads(line)

    def call(self, *argv: str, cwd: Path | None = None, seconds: float = LONG, data: Path | None = None) -> Answer:
        out, err = self.root / "out", self.root / "err"
        env = self.env | ({"DLRUN_DATA": str(data)} if data else {})
        asked = {"argv": argv, "cwd": str(cwd or self.cwd), "env": env, "out": str(out), "err": str(err)}
        assert self.server.stdin is not None
        self.server.stdin.write(json.dumps(asked | {"seconds": seconds}) + "\n")
        self.server.stdin.flush()
        told = self.reply()
        return Answer(**told, out=read(out), err=read(err))

    def make_bases(self, folder: Path) -> None:
        """Honest runs and a data folder, by dlrun itself."""
        folder.mkdir(parents=True)
        for name, command in BASES.items():
            answer = self.call(*command, f"folder={name}", cwd=folder, seconds=120, data=folder / "data")
            assert answer.code == 0, f"{command}: {answer.err}"

    def furnish(self, bases: Path) -> None:
        """Lays the watched tree out anew."""
        shutil.rmtree(self.watched, ignore_errors=True)
        self.bases = bases
        for folder in (self.home / ".ssh", self.cwd / "outputs" / "2026-01-01", self.canary):
            folder.mkdir(parents=True)
        (self.home / ".bashrc").write_text("# my own settings\n")
        (self.home / ".ssh" / "authorized_keys").write_text("ssh-ed25519 AAAA me\n")
        (self.home / "facts.json").write_text('{"mine": "a secret of mine", "status": "failed"}\n')
        (self.cwd / "thesis.txt").write_text("thesis\n")
        (self.cwd / "photos").mkdir()
        (self.cwd / "photos" / "1.jpg").write_bytes(b"\xff\xd8picture")
        shutil.copytree(bases / "data", self.data)
        for place in (self.cwd / "other" / "run", self.cwd / "outputs" / "2026-01-01" / "run"):
            shutil.copytree(bases / "run", place)
        shutil.copytree(bases / "ngram", self.cwd / "other" / "ngram")
        for run in ("lm", "translation", "ngram"):  # digests of files that were copied are remembered again
            self.call("eval", str(bases / run))
        self.before = self.snapshot()

    def receive(self, base: str, mutate: Callable[[Path, World], Any]) -> None:
        """The stranger's folder, as it comes."""
        remove(self.here)
        shutil.copytree(self.bases / base, self.here, symlinks=True)
        mutate(self.here, self)

    def snapshot(self) -> dict[str, tuple]:
        found: dict[str, tuple] = {}
        pending = [str(self.watched)]
        while pending:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.path == str(self.here):
                        continue
                    found[entry.path[len(str(self.watched)) + 1 :]] = facts(entry)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        return found

    def changes(self) -> list[str]:
        """What changed outside the stranger's folder; afterwards it is as it was."""
        now = self.snapshot()
        new = [path for path in now if path not in self.before]
        executed = sorted(path for path in new if path.startswith("canary/"))
        made = sorted(path for path in new if not path.startswith(("canary/", "cwd/outputs/")) and not own_cache(path))
        gone = sorted(path for path in self.before if path not in now)
        other = sorted(path for path in now if path in self.before and now[path] != self.before[path])
        told = {"EXECUTED": executed, "made outside": made, "REMOVED outside": gone, "changed outside": other}
        problems = [f"{what}: {', '.join(paths[:5])}" for what, paths in told.items() if paths]
        if problems:
            self.furnish(self.bases)
        else:
            for path in new:
                remove(self.watched / path)
        return problems

    def attack(self, verb: str, mutate: Callable[[Path, World], Any], cwd: str = "") -> list[str]:
        """Everything that one call did wrong."""
        base, argv = VERBS[verb]
        self.receive(base, mutate)
        answer = self.call(*argv, cwd=self.cwd / cwd)
        return [f"{' '.join(argv)}: {problem}" for problem in [*answer.problems(), *self.changes()]]


def facts(entry: os.DirEntry) -> tuple:
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISDIR(status.st_mode):
        return ("folder",)
    if stat.S_ISLNK(status.st_mode):
        return ("link", os.readlink(entry.path))
    if not stat.S_ISREG(status.st_mode):
        return ("special", status.st_mode)
    with open(entry.path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    # To take a lock empties an empty file, which moves its time and nothing else.
    lock = entry.name.endswith(".lock") and not status.st_size
    return ("file", status.st_size, 0 if lock else status.st_mtime_ns, status.st_mode, digest)


DATASETS = ("airfoil", "fashion_mnist", "fr_en", "fra_eng", "imdb", "jaychou_lyrics", "ptb", "prepared", "stand-in")


def own_cache(path: str) -> bool:
    """New in DLRUN_DATA, in a place where dlrun itself keeps what it made."""
    parts = path.split("/")
    return parts[0] == "data" and len(parts) > 1 and (parts[1] in DATASETS or parts[1].startswith("."))


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
