"""Folders that strangers could send: whatever opens one runs nothing of it, touches nothing outside it, and ends soon.

`make test` gives every seventh folder to its most dangerous verb; DLRUN_CHAOS=each every folder to that one, and
DLRUN_CHAOS=full (`make chaos`) every folder to every verb that opens it.
"""

import os
import pkgutil

import pytest
from chaos.hostile import checkpoints, configs, datasets, files, sweeps
from chaos.hostile.mutate import Case
from chaos.hostile.world import World

HOW = os.environ.get("DLRUN_CHAOS", "")
STEP = 1 if HOW else 7
GROUPS = {**configs.GROUPS, **datasets.GROUPS, **files.GROUPS, **checkpoints.GROUPS, **sweeps.GROUPS}
CASES = [pytest.param(case, id=f"{group}: {case.name}") for group, cases in GROUPS.items() for case in cases()[::STEP]]


@pytest.mark.parametrize("case", CASES)
def test_a_strangers_folder(world: World, case: Case) -> None:
    verbs = case.verbs if HOW == "full" else case.verbs[:1]
    problems = [problem for verb in verbs for problem in world.attack(verb, case.mutate)]
    assert not problems, "\n".join(["", *problems])


@pytest.mark.parametrize("target", [target for target in configs.TARGETS if target.startswith("dlrun.")])
def test_what_must_not_be_reached_is_there(target: str) -> None:
    """One that has moved would be refused because there is no such thing."""
    pkgutil.resolve_name(target)
