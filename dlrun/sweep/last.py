"""`last` as the start of a sweep's jobs: one run, the newest when the sweep begins, and not a job of its own."""

from collections.abc import Mapping

from omegaconf import OmegaConf

from dlrun import console
from dlrun.config import compose
from dlrun.config.compose import Composer, Override
from dlrun.config.own_data import as_word
from dlrun.run.folder import RunDir

KEYS = ("trainer.init_from", "init.run")


def pinned(composer: Composer, typed: Mapping[str, Override]) -> dict[str, Override]:
    """Those of `typed`, and of what files of conf/ say, that mean `last`, with the run's path. UserError: none yet."""
    found = {}
    for key in KEYS:
        name, said = next(((name, each) for name, each in typed.items() if each.key_or_group == key), (key, None))
        values = [OmegaConf.select(composer.config, key)] if said is None else compose.values(said)
        if "last" in values:
            run = RunDir.open("last")
            words = ["null" if each is None else as_word(str(run.path if each == "last" else each)) for each in values]
            found[name] = composer.parse(f"{name}={','.join(words)}")
            if run.in_use():
                console.warn(f"{run.path} still trains: each job starts from the best weights that are there by then")
    return found
