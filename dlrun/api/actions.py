"""What can be done from Python: train, sweep, open, runs. Each does what the command of its name does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from dlrun.api import scope
from dlrun.api.results import Leaderboard, Opened, Run, Runs
from dlrun.errors import RunFailed, UserError


def train(*overrides: str, trust: Sequence[str] = (), config_dir: str | Path | None = None) -> Run:
    """Trains one run, as `dlrun OVERRIDES…` does, and answers with it.

    >>> run = dlrun.train("model=linear", "trainer.epochs=2")
    >>> run.status
    'completed'
    >>> run.metrics["val/mse"] < 0.01
    True

    `trust`: packages of yours whose code may run. `config_dir`: a folder with configs of yours, found before dlrun's.

    Progress goes to stderr, in a notebook to the cell's output. Random states, torch's settings, signal handlers,
    environment and logging are afterwards what they were before. One run trains at a time: a second thread waits.
    Ctrl-C, also a notebook's stop button, finishes the step and writes a checkpoint; only the main thread hears it.

    UserError for what can't be meant, DataError where data can't be had, Diverged, RunFailed, and Stopped after a
    signal. What has a folder by then names it: `error.folder`.
    """
    with scope.undisturbed():
        from dlrun.config import compose

        composed = compose.Composer(compose.read(words(overrides, trust, config_dir))).one()

        from dlrun.verbs.train import train as train_composed

        with scope.torch_undisturbed():
            made = train_composed(composed)
    return Run(made.path, trust=trust)


def sweep(*overrides: str, trust: Sequence[str] = (), config_dir: str | Path | None = None) -> Leaderboard:
    """Trains every combination of values, as `dlrun -m OVERRIDES…` does; its leaderboard, the best run first.

    >>> board = dlrun.sweep("model=linear", "optim.lr=0.03,0.01", "trainer.epochs=2", "launcher.workers=1")
    >>> len(board), board.metric
    (2, 'val/mse')
    >>> board.best.config["optim"]["lr"] in (0.03, 0.01)
    True

    Jobs run in processes of their own, which never import the script that called: it needs no
    `if __name__ == "__main__":`. A job that failed or diverged is in the table with its status, and a warning says so;
    RunFailed where no job has come to a result. Otherwise as `train`.
    """
    with scope.undisturbed():
        from dlrun import console
        from dlrun.config import compose
        from dlrun.sweep import jobs
        from dlrun.verbs.train import sweep_job

        command = compose.read(["--multirun", *words(overrides, trust, config_dir)])
        try:
            folder = jobs.run(command, sweep_job).path
        except RunFailed as error:
            if error.folder is None or Leaderboard(error.folder, trust=trust).metric is None:
                raise
            folder = error.folder
            console.warn(str(error))
    return Leaderboard(folder, trust=trust)


def open(run_or_checkpoint: str | Path = "last", *, trust: Sequence[str] = ()) -> Opened:
    """A trained model, from a run's folder (its best checkpoint), from a checkpoint's file, or from `last`.

    >>> run = dlrun.train("model=linear", "trainer.epochs=2")
    >>> net = dlrun.open(run.folder).model
    >>> net.training, type(net).__name__
    (False, 'Linear')
    >>> dlrun.open(run.folder / "checkpoints/best.pt").schema.sizes
    {'in_features': 2, 'outputs': 1}

    UserError for what is none, and for one that needs code of yours and was not given `trust`.
    """
    return Opened(run_or_checkpoint, trust=trust)


def runs(
    *folders: str | Path,
    where: str | Iterable[str] = (),
    sort: str | None = None,
    limit: int | None = None,
    trust: Sequence[str] = (),
) -> Runs:
    """The runs below the folders, or below outputs/, newest first; those of sweeps as well.

    >>> run = dlrun.train("model=linear", "trainer.epochs=2", "seed=3")
    >>> dlrun.runs(where=["model=linear", "val/mse<0.01", "seed=3"])[0].folder == run.folder
    True

    `where`: conditions as `dlrun runs --where` takes them, all of which must hold. `sort`: a metric or any key, the
    best first. `limit`: at most so many. UserError for a condition or a key that no run knows.
    """
    from dlrun.run import query

    if limit is not None and limit < 0:
        raise UserError(f"limit={limit}: it must be at least 0.")
    rows = query.where(every := query.read([str(each) for each in folders]), listed(where))
    if sort is not None:
        query.check_key(every, sort)
    return Runs(query.ordered(rows, sort)[:limit], trust=trust)


def words(overrides: Sequence[str], trust: Sequence[str], config_dir: str | Path | None) -> list[str]:
    """As they would be typed. UserError for what is no word, and for a flag."""
    for each in overrides:
        if not isinstance(each, str):
            raise UserError(f'{each!r} is no word of the command line, such as "model=lstm" or f"optim.lr={{lr}}".')
        if each.startswith("-"):
            raise UserError(
                f"{each} is a flag of the command line. In Python: dlrun.sweep(…) for -m, config_dir=… for --config-dir"
            )
    trusted = [f"trusted=[{','.join(listed(trust))}]"] if trust else []
    return [*overrides, *trusted, *(["--config-dir", str(config_dir)] if config_dir is not None else [])]


def listed(given: str | Iterable[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)
