"""Optuna's samplers by name. What one of them has stored is read without running anything of it."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping, Sequence

from optuna import samplers
from optuna.samplers import BaseSampler, CmaEsSampler
from optuna.trial import FrozenTrial

from dlrun.errors import UserError

Axis = Sequence[str | float | None]
ARRAYS = {("numpy", "dtype"), ("numpy", "ndarray")}
ARRAYS |= {(f"numpy.{core}.multiarray", name) for core in ("_core", "core") for name in ("_reconstruct", "scalar")}
STATE = {("cmaes._cma", "CMA"), *ARRAYS}  # all that a state of CMA-ES is made of
OVERRIDDEN = ("_restore_optimizer", "_attr_key_optimizer", "_concat_optimizer_attrs")


def make(name: str, seed: int, axes: Mapping[str, Axis]) -> BaseSampler:
    """UserError for one that needs a library which is not there."""
    try:
        return {
            # Workers ask before the others have ended: constant_liar keeps them from all trying the same.
            "tpe": lambda: samplers.TPESampler(seed=seed, constant_liar=True),
            "random": lambda: samplers.RandomSampler(seed=seed),
            "cmaes": lambda: CmaEs(seed=seed),
            "gp": lambda: samplers.GPSampler(seed=seed),
            "grid": lambda: samplers.GridSampler(axes, seed=seed),
        }[name]()
    except ImportError as error:
        raise UserError(f"hydra.sweeper.sampler={name} needs more: pip install 'dlrun[optuna]'") from error


def of_trial(name: str, seed: int, trial: int) -> int:
    """The seed that a trial is drawn with; a grid goes by a list that the search's own seed has put in order."""
    return seed if name == "grid" else (seed + trial) % 2**32


class CmaEs(CmaEsSampler):
    """Its state lies in the study as a pickle, and a search that goes on may be a stranger's."""

    def __init__(self, seed: int):
        if not all(hasattr(CmaEsSampler, name) for name in OVERRIDDEN):
            raise UserError("This Optuna keeps the state of CMA-ES in another way: take another hydra.sweeper.sampler.")
        super().__init__(seed=seed)

    def _restore_optimizer(self, completed_trials: list[FrozenTrial]) -> object:
        key = self._attr_key_optimizer
        for trial in reversed(completed_trials):
            if kept := {name: value for name, value in trial.system_attrs.items() if name.startswith(key)}:
                return State(io.BytesIO(bytes.fromhex(self._concat_optimizer_attrs(kept)))).load()
        return None


class State(pickle.Unpickler):
    """Finds the class of CMA-ES and NumPy's arrays, and nothing else that could be called."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in STATE:
            raise pickle.UnpicklingError(f"a state of CMA-ES has no {module}.{name}")
        return super().find_class(module, name)
