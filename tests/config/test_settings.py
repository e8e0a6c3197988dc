"""The trainer's settings: each has its key in YAML, and a pass its number of batches."""

from dataclasses import fields
from typing import Any

import pytest

from dlrun.config import catalogue
from dlrun.config.settings import Settings
from dlrun.errors import UserError


@pytest.mark.parametrize("name", catalogue.choices("trainer"))
def test_every_setting_has_its_key(name: str) -> None:
    assert {field.name for field in fields(Settings)} == set(catalogue.read("trainer", name))


@pytest.mark.parametrize(
    ("changed", "there", "batches"),
    [
        ({}, 7, 7),
        ({"limit_batches": 3}, 7, 3),
        ({"limit_batches": 30}, 7, 7),
        ({"overfit_batches": 1}, 7, 1),
        ({"overfit_batches": 2, "limit_batches": 5}, 7, 2),
    ],
)
def test_a_pass_has_as_many_batches_as_are_there_or_asked_for(
    changed: dict[str, Any], there: int, batches: int
) -> None:
    settings = Settings(**(catalogue.read("trainer", "default") | changed))
    assert settings.pass_batches(there) == batches
    with pytest.raises(UserError, match="^The training part is too small for one batch of this task. Pick another"):
        settings.pass_batches(0)
