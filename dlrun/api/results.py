"""What Python is answered with: a run, a model that answers, runs as a list and table, a sweep's leaderboard.

A run's values are read from its folder when they are asked for, so that they are those of now while it still trains.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from dlrun.errors import UserError, nearest
from dlrun.run import query
from dlrun.run.curve import WITHOUT, is_number
from dlrun.run.folder import METRICS_LIMIT, RunDir, best_checkpoint, metrics_line
from dlrun.run.query import Row
from dlrun.run.records import Summary
from dlrun.store import kept
from dlrun.terminal.plain import amount

if TYPE_CHECKING:
    import pandas
    import polars
    from torch import nn

    from dlrun.data.base import Schema
    from dlrun.run.answer import Trained
    from dlrun.task.base import Example


Record = dict[str, Any]  # an example's own columns, and what was answered or the error


class History(NamedTuple):
    """How a metric went: as many steps (optimizer updates) as values."""

    steps: list[int]
    values: list[float]


class Opened:
    """A trained model, in eval mode and on the CPU, that answers without its data. Made by `dlrun.open`."""

    def __init__(self, run_or_checkpoint: str | Path = "last", *, trust: Sequence[str] = ()):
        found = best_checkpoint(checked(run_or_checkpoint))

        from dlrun.api import scope  # torch takes seconds, which a mistake need not wait for

        with scope.undisturbed(), scope.torch_undisturbed():
            from dlrun.run.answer import Trained

            self._trained: Trained = Trained.open(*found, [trust] if isinstance(trust, str) else list(trust))

    @property
    def model(self) -> nn.Module:
        """A plain module; how it is called depends on its task (README, "Your own model")."""
        return self._trained.model

    @property
    def schema(self) -> Schema:
        """What the model's inputs and outputs mean: sizes, vocabulary, labels, features, scales."""
        return self._trained.task.schema

    def predict(
        self, *inputs: Example | Path, beam: int | None = None, length_penalty: float | None = None
    ) -> list[Record]:
        """An answer for each input, as `dlrun predict --json` gives it.

        An input is a text, a picture, `1,2,3`, a file or folder with many of them, or a row of a table as a dict.

        >>> opened = dlrun.open(dlrun.train("model=linear", "trainer.epochs=2").folder)
        >>> [answer] = opened.predict("0.5,-1")
        >>> answer["input"], round(answer["prediction"], 1)
        ('0.5,-1', 8.6)

        `beam` and `length_penalty` are for translations. UserError for an input that can't be read.
        """
        from dlrun.api import scope

        with scope.patient():
            from dlrun.verbs.predict import records

            return records(self._trained, inputs, beam=beam, length_penalty=length_penalty)

    def sample(
        self, prompt: str, *, length: int = 100, temperature: float = 0.8, top_k: int | None = None, seed: int = 0
    ) -> str:
        """The prompt and `length` tokens that a language model writes behind it; `temperature` 0 takes the likeliest.

        >>> small = "model.hidden=16", "model.embed=8", "trainer.max_steps=20", "stand_in=always"
        >>> run = dlrun.train("model=lstm", *small)
        >>> len(run.sample("想", length=5))
        6

        UserError for a model that can't write, and for a prompt with tokens that it does not know.
        """
        from dlrun.api import scope

        with scope.patient():
            from dlrun.verbs.sample import text

            return text(self._trained, prompt, length=length, temperature=temperature, top_k=top_k, seed=seed)

    def __repr__(self) -> str:
        return f"Opened({str(self._trained.where)!r}, {type(self.model).__name__})"


class Run:
    """One run's folder. `dlrun.Run("outputs/…")` opens one that is there, `dlrun.Run("last")` the newest.

    >>> run = dlrun.train("model=linear", "trainer.epochs=2")
    >>> run.config["model"]["_target_"], run.summary["choices"]["optim"]
    ('dlrun.model.linear.Linear', 'sgd')
    >>> steps, values = run.history("val/mse")
    >>> steps, all(value < 0.001 for value in values)
    ([80, 160], True)

    It also answers as its best checkpoint does, which is opened when that is first asked for: `model`, `schema`,
    `predict`, `sample`. `trust`: packages of yours whose code it needs.
    """

    def __init__(self, folder: str | Path = "last", *, trust: Sequence[str] = ()):
        self._run = RunDir.open(checked(folder))
        self.folder = self._run.path.absolute()
        self._trust = trust

    @property
    def status(self) -> str:
        """running, completed, interrupted, diverged, failed, pruned or unreadable."""
        return str(self._row().plain["status"])

    @property
    def config(self) -> dict[str, Any]:
        """All that it was composed of, resolved."""
        return dict(RunDir(self.folder).read_config())

    @property
    def summary(self) -> Summary:
        """summary.json: status, goal with its best value, metrics, step, time, device, data, versions …"""
        return RunDir(self.folder).read_summary()

    @property
    def metrics(self) -> dict[str, float | None]:
        """The last value of each tag, such as `val/loss`."""
        return dict(self.summary.get("metrics", {}))

    def history(self, tag: str) -> History:
        """Every value of a tag in metrics.jsonl: `plt.plot(*run.history("val/loss"))`. UserError for an unknown tag."""
        raw = kept.read(self.folder, "metrics.jsonl", METRICS_LIMIT).split(b"\n")
        lines = [line for each in raw if each and (line := metrics_line(each)) is not None]
        found = [(line["step"], value) for line in lines if is_number(value := line.get(tag))]
        if not found:
            tags = {each for line in lines for each in line}.difference(WITHOUT)
            raise UserError(f"{self.folder} has no metric {tag}. {nearest(tag, tags)}")
        return History([step for step, _ in found], [value for _, value in found])

    @cached_property
    def _opened(self) -> Opened:
        return Opened(self.folder, trust=self._trust)

    @property
    def model(self) -> nn.Module:
        """A plain module in eval mode, with the weights of the best checkpoint, on the CPU."""
        return self._opened.model

    @property
    def schema(self) -> Schema:
        return self._opened.schema

    def predict(
        self, *inputs: Example | Path, beam: int | None = None, length_penalty: float | None = None
    ) -> list[Record]:
        """As `Opened.predict`."""
        return self._opened.predict(*inputs, beam=beam, length_penalty=length_penalty)

    def sample(
        self, prompt: str, *, length: int = 100, temperature: float = 0.8, top_k: int | None = None, seed: int = 0
    ) -> str:
        """As `Opened.sample`."""
        return self._opened.sample(prompt, length=length, temperature=temperature, top_k=top_k, seed=seed)

    def _row(self) -> Row:
        return row(self.folder)

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r}, {self.status})"


class Runs(Sequence[Run]):
    """Runs as a list; `to_polars` and `to_pandas` give them as a table. Made by `dlrun.runs`."""

    def __init__(self, rows: Sequence[Row], *, trust: Sequence[str] = ()):
        self._rows, self._trust = rows, trust

    @overload
    def __getitem__(self, index: int) -> Run: ...

    @overload
    def __getitem__(self, index: slice) -> Runs: ...

    def __getitem__(self, index: int | slice) -> Run | Runs:
        if isinstance(index, slice):
            return Runs(self._rows[index], trust=self._trust)
        return Run(self._rows[index].path, trust=self._trust)

    def __len__(self) -> int:
        return len(self._rows)

    def to_polars(self) -> polars.DataFrame:
        """A row a run: what `dlrun runs --csv` prints, with a column for each metric."""
        frame: polars.DataFrame = needed("polars").DataFrame(self._columns(), strict=False)
        return frame

    def to_pandas(self) -> pandas.DataFrame:
        """As `to_polars`."""
        return needed("pandas").DataFrame(self._columns())

    def _columns(self) -> dict[str, list[object]]:
        return query.columns(self._rows)

    def __repr__(self) -> str:
        shown = [f"  {each.plain['status']}  {best(each)}  {each.path}" for each in self._rows[:20]]
        more = [f"  … and {len(self) - len(shown)} more"] if len(self) > len(shown) else []
        return "\n".join([f"{amount(len(self), 'run')}", *shown, *more])


class Leaderboard(Runs):
    """A sweep's runs, the best first; those without a result stand last. Made by `dlrun.sweep`, or of its folder.

    `metric` and `mode` are what it goes by; None where no job has a result. `folder` holds leaderboard.md as well.
    """

    def __init__(self, folder: str | Path, *, trust: Sequence[str] = ()):
        from dlrun.run.records import Leaderboard as Board

        self.folder = Path(checked(folder)).absolute()
        board = kept.read_json(self.folder, "leaderboard.json", Board, limit=kept.MB << 8)
        self.metric, self.mode = board["metric"], board["mode"]
        jobs = [self.folder / each["folder"] for each in board["jobs"] if re.fullmatch(r"\d+-[^/]+", each["folder"])]
        there = [each for each in jobs if kept.is_plain(each / "config.yaml") and not each.is_symlink()]
        super().__init__([row(each) for each in there], trust=trust)

    @property
    def best(self) -> Run:
        """The best run. UserError where none has a result yet."""
        if self.metric is None:
            raise UserError(f"{self.folder} has no run with a result yet.")
        return self[0]


def checked(name: str | Path) -> str:
    if not isinstance(name, str | Path):
        raise UserError(f"{name!r} is no folder and no file: a path is expected, or `last`.")
    if "\0" in str(name):
        raise UserError(f"{str(name)!r} names no file.")
    return str(name)


def row(folder: Path) -> Row:
    """Of a run's folder, as `dlrun runs` would list it."""
    found = query.read_row(str(folder), (folder / "config.yaml").lstat().st_mtime)
    return found or Row(str(folder), {}, "unreadable", 0.0)


def best(row: Row) -> str:
    value = row.number("best")
    return "no result yet" if value is None else f"{row.plain['goal']} {value:.4g}"


def needed(package: str) -> ModuleType:
    """A library that dlrun does not bring. UserError where it is missing."""
    try:
        return import_module(package)
    except ImportError as error:
        raise UserError(f"to_{package} needs {package}, which is not installed: pip install {package}") from error
