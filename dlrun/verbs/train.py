"""`dlrun [train] OVERRIDES`: Hydra composes, everything is checked, a folder is made, it trains. With `-m`: a sweep."""

import contextlib
import io
import os
import re
from typing import Any

from dlrun import console
from dlrun.config import compose
from dlrun.config.compose import Composed, Composer
from dlrun.config.typed import names_data
from dlrun.errors import UserError
from dlrun.run.folder import RunDir

HIDDEN_GROUPS = ("tuned",)  # values for exactly one triple of choices: nothing to pick by hand


def run(argv: list[str]) -> None:
    """One run, or with `-m` a sweep of them. Raises the run's own error; for a sweep RunFailed when a job failed."""
    command = compose.read(argv)
    if command.shown:
        compose.show(command)
    elif command.flags.multirun:
        from dlrun.sweep import jobs

        jobs.run(command, sweep_job)
    else:
        train(Composer(command).one())


def train(composed: Composed) -> RunDir:
    """Torch is imported only now, so that a mistake and --cfg answer at once."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("Training in several processes at once is not there yet: start dlrun without torchrun.")
    from dlrun.config import assemble
    from dlrun.run import session

    assemble.check_fit(assemble.check(composed.config))  # before anything is downloaded
    return session.start(composed.config, composed.overrides, replaceable=not names_data(composed.overrides))


def sweep_job(config: Any) -> str:
    """One job of a sweep under one of Hydra's launchers, maybe in another process than the one that was started."""
    from dlrun.sweep.worker import train_elsewhere

    return train_elsewhere(*compose.hydras_job(), tuple(config.trusted or ()))


def complete(argv: list[str]) -> None:
    """Tab completion by Hydra, with the groups left out that nobody types."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        compose.show(compose.read(argv))
    console.out(re.sub(rf"(?<!\S)({'|'.join(HIDDEN_GROUPS)})=\S*\s?", "", shown.getvalue()).rstrip("\n"))
