"""`dlrun [train] OVERRIDES`: Hydra composes, everything is checked, a folder is made, it trains."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from dlrun import compose, console
from dlrun.errors import DlrunError, RunFailed, Stopped, UserError

if TYPE_CHECKING:
    from dlrun.rundir import RunDir


class SweepStopped(BaseException):
    """Leaves Hydra's launcher, which catches every Exception of a job."""


def run(argv: list[str]) -> None:
    """One run, or with `-m` a sweep of them. Raises the run's own error; for a sweep RunFailed when a job failed."""
    ended: list[Ended] = []
    stopped: list[Stopped] = []

    def job(config: DictConfig) -> None:
        try:
            ended.append(Ended(one(config), None))
        except Stopped as error:
            stopped.append(error)
            raise SweepStopped from error
        except DlrunError as error:
            ended.append(Ended(None, error))
            if compose.sweep_folder() is not None:
                console.error(f"job {compose.job_number()} ({' '.join(compose.overrides())}): {error}")
        finally:
            gc.collect()  # one job's tensors must not crowd out the next one's

    try:
        compose.run(argv, job)
    except SweepStopped:
        raise stopped[0] from None
    finish(ended)


class Ended:
    """How one job ended: its folder or its error."""

    def __init__(self, run: RunDir | None, error: DlrunError | None):
        self.run, self.error = run, error


def one(config: DictConfig) -> RunDir:
    """Trains what Hydra composed. Torch is imported only now, so that --cfg and completion answer at once."""
    from dlrun import session

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("Training in several processes at once is not there yet: start dlrun without torchrun.")
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    plain["choices"] = compose.choices()
    plain["folder"] = str(job_folder() or plain["folder"])
    overrides = compose.overrides()
    named = any(each.lstrip("+").startswith(("data=", "experiment=")) for each in overrides)
    return session.start(plain, overrides, replaceable=not named)


def job_folder() -> Path | None:
    folder = compose.sweep_folder()
    if folder is None:
        return None
    return folder / f"{compose.job_number()}-{compose.choice('model')}-{compose.choice('data')}"


def finish(ended: list[Ended]) -> None:
    """A sweep ends with a table of its jobs, a single run with its own error."""
    if len(ended) == 1 and ended[0].error:
        raise ended[0].error
    if len(ended) < 2:
        return
    summaries = [(each.run.path.name, each.run.read_summary()) for each in ended if each.run]
    rows = [
        [
            name,
            " ".join(s["overrides"]),
            s["goal"]["metric"],
            console.number(s["goal"]["best"]),
            f"{s['duration_s']:.1f} s",
        ]
        for name, s in summaries
    ]
    console.table("jobs", ["job", "overrides", "metric", "best", "time"], rows)
    failed = [each.error for each in ended if each.error]
    if failed:
        raise RunFailed(f"{len(failed)} of {len(ended)} jobs failed; the first: {failed[0]}")
