"""The types of kept files: what does not fit is named by its place, what is not known stays."""

import json

import pytest

from dlrun.run import records
from dlrun.store import decode

SUMMARY = {
    "status": "completed",
    "goal": {"metric": "val/mse", "mode": "min", "best": 0.5},
    "metrics": {"val/mse": None},
}


def test_keys_of_a_later_version_stay() -> None:
    later = SUMMARY | {"hologram": {"a": [1]}, "error": None}
    assert decode.record(later, records.Summary) == later


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        (records.Summary, SUMMARY | {"status": "finished"}, "status: invalid enum value 'finished'"),
        (records.Summary, SUMMARY | {"step": -1}, "step: expected int >= 0"),
        (records.Summary, SUMMARY | {"step": 2**63}, "step: expected int"),
        (records.Summary, SUMMARY | {"epoch": True}, "epoch: expected int, got bool"),
        (records.Summary, SUMMARY | {"goal": {"mode": "most"}}, "goal.mode: invalid enum value 'most'"),
        (records.Summary, SUMMARY | {"metrics": {"val/mse": "0.5"}}, "metrics: expected float | null, got str"),
        (records.Summary, [], "Expected object, got array"),
        (records.Config, {"choices": {"model": 3}}, "choices: expected str, got int"),
        (records.Line, {"step": 1, "epoch": 0}, "Object missing required field time_s"),
        (records.JobRecord, {"number": 10**7, "overrides": [], "config": {}}, "number: expected int"),
        (records.SweepFacts, {"kind": "random", "command": [], "launcher": {}, "workers": {}}, "kind: invalid enum"),
        (records.Leaderboard, {"metric": None, "mode": None, "common": [], "jobs": [{}]}, r"jobs.*missing required"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(kind: type, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decode.record(value, kind)


def test_a_number_that_is_none_is_a_value() -> None:
    """Metrics can be NaN, and are null where nothing was told."""
    line = decode.record(decode.json_value(b'{"step": 1, "epoch": 0, "time_s": 2, "a": NaN}'), records.Line)
    assert line["time_s"] == 2 and json.dumps(line).count("NaN") == 1
