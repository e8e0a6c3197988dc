"""`dlrun [train] OVERRIDES`: Hydra composes, everything is checked, a folder is made, it trains. With `-m`: a sweep."""

from __future__ import annotations

import os

from omegaconf import DictConfig

from dlrun import compose
from dlrun.errors import UserError


def run(argv: list[str]) -> None:
    """One run, or with `-m` a sweep of them. Raises the run's own error; for a sweep RunFailed when a job failed."""
    if {"-m", "--multirun"} & set(argv):
        from dlrun.sweep import grid

        grid.run(argv, sweep_job)
        return
    compose.run(argv, train)


def train(config: DictConfig) -> None:
    """What Hydra composed. Torch is imported only now, so that --cfg and completion answer at once."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("Training in several processes at once is not there yet: start dlrun without torchrun.")
    from dlrun import session

    typed = compose.overrides()
    named = any(each.lstrip("+").startswith(("data=", "experiment=")) for each in typed)
    session.start(compose.plain(config), typed, replaceable=not named)


def sweep_job(config: DictConfig) -> str:
    """One job of a sweep under one of Hydra's launchers, maybe in another process than the one that was started."""
    from dlrun.sweep.train_job import train_elsewhere

    return train_elsewhere(compose.sweep_folder(), compose.job_number(), tuple(config.trusted or ()))
