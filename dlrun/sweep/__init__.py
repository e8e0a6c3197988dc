"""Sweeps: many runs from one command line, in one folder, on all workers; resumable, with a leaderboard.

The package can be called: `dlrun.sweep("model=rnn,lstm", "optim.lr=0.1,0.01")` is `dlrun.api.actions.sweep`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType


class _Sweep(ModuleType):
    """Python binds this package to the name `dlrun.sweep` as soon as it is imported, so it stands for the function."""

    def __call__(self, *overrides: str, trust: Sequence[str] = (), config_dir: str | None = None) -> object:
        """Every combination of the values, trained side by side: see `dlrun.api.actions.sweep`."""
        return import_module("dlrun.api.actions").sweep(*overrides, trust=trust, config_dir=config_dir)


sys.modules[__name__].__class__ = _Sweep
