"""`dlrun [train] OVERRIDES`: Hydra composes, everything is checked, a folder is made, it trains. With `-m`: a sweep.

With `--dry-run` nothing is made: a few steps say what it would cost. With `--json` stdout says how it ended.
"""

import contextlib
import io
import os
import re
from itertools import takewhile
from typing import TYPE_CHECKING

from dlrun import console
from dlrun.config import compose
from dlrun.config.compose import Command, Composed, Composer
from dlrun.config.typed import names_data
from dlrun.errors import UserError
from dlrun.run.folder import RunDir
from dlrun.verbs.outcome import Outcome, told_as_json

if TYPE_CHECKING:
    from omegaconf import DictConfig

HIDDEN_GROUPS = ("tuned",)  # values for exactly one triple of choices: nothing to pick by hand


def run(argv: list[str]) -> None:
    """One run, or with `-m` a sweep of them. Raises the run's own error; for a sweep RunFailed when a job failed."""
    if "--json" not in takewhile("--".__ne__, argv):  # what stands behind -- is no flag
        start(compose.read(argv), Outcome())
        return
    with told_as_json() as outcome:
        start(compose.read(argv), outcome)


def start(command: Command, outcome: Outcome) -> None:
    if command.shown:
        compose.show(command)
    elif command.flags.multirun and command.flags.dry_run:
        from dlrun.sweep import dry_run

        found = dry_run.estimate(command)
        outcome.estimate = found.values()
        dry_run.show(found)
    elif command.flags.multirun:
        from dlrun.sweep import jobs

        jobs.run(command, sweep_job, begun=outcome.note_sweep)
    else:
        one(Composer(command).one(), outcome, dry=command.flags.dry_run)


def train(composed: Composed) -> RunDir:
    """That run, for whoever has it composed: its folder."""
    outcome = Outcome()
    one(composed, outcome, dry=False)
    assert outcome.run is not None
    return outcome.run


def one(composed: Composed, outcome: Outcome, *, dry: bool) -> None:
    """Torch is imported only now, so that a mistake and --cfg answer at once."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UserError("Training in several processes at once is not there yet: start dlrun without torchrun.")
    from dlrun.config import assemble
    from dlrun.run import dry_run, session

    spec, replaceable = assemble.check(composed.config), not names_data(composed.overrides)
    assemble.check_fit(spec)  # before anything is downloaded
    if dry:
        cost = dry_run.measure(spec, replaceable=replaceable)
        outcome.estimate = cost.values()
        dry_run.show(spec, cost)
    else:
        session.start(composed.config, composed.overrides, replaceable=replaceable, begun=outcome.note_run)


def sweep_job(config: "DictConfig") -> str:
    """One job of a sweep under one of Hydra's launchers, maybe in another process than the one that was started."""
    from dlrun.sweep.worker import train_elsewhere

    return train_elsewhere(*compose.hydras_job(), tuple(config.trusted or ()))


def complete(argv: list[str]) -> None:
    """Tab completion by Hydra, with the groups left out that nobody types."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        compose.show(compose.read(argv))
    console.out(re.sub(rf"(?<!\S)({'|'.join(HIDDEN_GROUPS)})=\S*\s?", "", shown.getvalue()).rstrip("\n"))
