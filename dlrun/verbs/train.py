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
    from dlrun import assemble, session
    from dlrun.rundir import RunDir
    from dlrun.verbs.vectors import WordSpace

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("Training in several processes at once is not there yet: start dlrun without torchrun.")
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment]
    plain["choices"] = compose.choices()
    plans = assemble.check(plain)
    overrides = compose.overrides()
    named = any(each.lstrip("+").startswith(("data=", "experiment=")) for each in overrides)
    given = None if plans.vectors is None else WordSpace.open(plans.vectors, plans.trusted)
    parts = assemble.build_parts(plans, replaceable=not named)
    if given is not None:
        found = given.start(parts)
        console.say(f"{found:,} of {len(parts.data.vocab or ()):,} words start from {given.run.path}")
        plain["model"]["vectors"] = str(given.run.path)  # `last` will soon be another
    plain["stand_in"] = (
        "always" if parts.data_facts["source"] == "stand-in" else "never"
    )  # a resumed run takes the same
    engine = assemble.build_optim(plans, parts.model, parts.task)
    run_dir = RunDir.create(job_folder() or Path(plain["folder"]))
    plain["folder"] = str(run_dir.path)
    run_dir.write_config(plain)
    session.train(run_dir, plans, parts, engine, overrides=overrides)
    return run_dir


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
