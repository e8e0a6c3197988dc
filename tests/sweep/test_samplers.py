"""Optuna's samplers: what one has stored comes back, and nothing of it is run."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")
import optuna  # noqa: E402
from cmaes import CMA  # noqa: E402
from optuna.samplers import CmaEsSampler  # noqa: E402

from dlrun.sweep import samplers  # noqa: E402
from dlrun.sweep.samplers import CmaEs  # noqa: E402


def test_a_state_of_cma_es_comes_back_and_runs_nothing(tmp_path: Path) -> None:
    """Optuna keeps it as a pickle among a trial's attributes, and a search's folder may be a stranger's."""
    study = optuna.create_study(sampler=CmaEs(seed=1))
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + trial.suggest_float("y", 0, 1) ** 2, n_trials=20)
    trials = study.get_trials()
    found, theirs = CmaEs(seed=1)._restore_optimizer(trials), CmaEsSampler(seed=1)._restore_optimizer(trials)
    assert isinstance(found, CMA) and theirs is not None
    assert found.generation == theirs.generation > 1 and (found.mean == theirs.mean).all()
    evil = pickle.dumps(Evil(tmp_path / "run")).hex()
    study._storage.set_trial_system_attr(study.ask()._trial_id, "cma:optimizer:0", evil)
    with pytest.raises(pickle.UnpicklingError, match=r"a state of CMA-ES has no posix\.mkdir"):
        CmaEs(seed=1)._restore_optimizer(study.get_trials())
    assert not (tmp_path / "run").exists()


class Evil:
    """Unpickled, it would make a folder."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def test_each_trial_has_its_seed_and_a_grid_one_for_all() -> None:
    assert samplers.of_trial("grid", 7, 100) == 7
    assert samplers.of_trial("tpe", 7, 0) == 7 and samplers.of_trial("tpe", 2**32 - 1, 3) == 2
