"""TensorBoard's HParams tab, read back: from the event files, and as a real TensorBoard joins unlike runs."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata, plugin_data_pb2

from dlrun.cli import exit_code


def read(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def info(events: EventAccumulator, tag: str) -> plugin_data_pb2.HParamsPluginData:
    content = events.SummaryMetadata(tag).plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content)


@pytest.mark.slow
def test_a_run_says_what_it_was_started_with_and_its_best(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert exit_code(["optim.lr=0.03", "trainer.epochs=2", f"folder={run}"]) == 0
    events = read(run)
    hparams = info(events, metadata.SESSION_START_INFO_TAG).session_start_info.hparams
    found = {key: value.string_value or value.number_value for key, value in hparams.items()}
    assert found == {
        "model": "linear",
        "data": "synthetic_linear",
        "optim": "sgd",
        "scheduler": "constant",
        "seed": 0.0,
        "batch_size": 10.0,
        "optim.lr": 0.03,
        "overrides": f"optim.lr=0.03 trainer.epochs=2 folder={run}",
    }
    goal = json.loads((run / "summary.json").read_text())["goal"]
    (best,) = events.Scalars("best/mse")
    assert (best.step, best.value) == (goal["best_step"], pytest.approx(goal["best"]))
    end = info(events, metadata.SESSION_END_INFO_TAG).session_end_info
    assert end.status == 1 and end.end_time_secs > 0  # STATUS_SUCCESS


def test_a_run_that_diverged_has_no_end_yet(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert exit_code(["optim.lr=100", "trainer.epochs=9", f"folder={run}"]) == 1
    tags = read(run).Tags()["tensors"]
    assert metadata.SESSION_START_INFO_TAG in tags and metadata.SESSION_END_INFO_TAG not in tags


def ask(port: str, route: str, **body: object) -> dict:
    request = urllib.request.Request(
        f"http://localhost:{port}/data/plugin/hparams/{route}",
        data=json.dumps({"experimentName": "", **body}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


def asked(port: str) -> tuple[dict, dict]:
    experiment = ask(port, "experiment", includeMetrics=True)
    columns = [{"hparam": each["name"]} for each in experiment.get("hparamInfos", [])]
    columns += [{"metric": each["name"]} for each in experiment.get("metricInfos", [])]
    statuses = [f"STATUS_{status}" for status in ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")]
    groups = ask(port, "session_groups", allowedStatuses=statuses, colParams=columns, startIndex=0, sliceSize=9)
    return experiment, groups


@pytest.mark.slow
def test_tensorboard_shows_unlike_runs_side_by_side(tmp_path: Path) -> None:
    common = ["trainer.epochs=1", "stand_in=always"]
    assert exit_code([*common, "optim.lr=0.05", f"folder={tmp_path}/logs/a"]) == 0
    assert exit_code([*common, "data=fashion_mnist", "optim=adam", f"folder={tmp_path}/logs/sweep/0"]) == 0
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(tmp_path / "logs"), "--port", "0"]
    log = tmp_path / "log"
    with open(log, "w") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | {"PYTHONUNBUFFERED": "1"})
    try:
        deadline = time.monotonic() + 60
        while not (found := re.search(r"http://\S+?:(\d+)/", log.read_text())):
            assert time.monotonic() < deadline and server.poll() is None, log.read_text()
            time.sleep(0.1)
        while True:  # it reads the folder in the background
            experiment, groups = asked(found[1])
            rows = {each["name"]: each for each in groups.get("sessionGroups", [])}
            if len(rows) == 2 and all("metricValues" in row for row in rows.values()):
                break
            assert time.monotonic() < deadline, groups
            time.sleep(0.3)
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=20)
    assert {row["hparams"]["data"] for row in rows.values()} == {"synthetic_linear", "fashion_mnist"}
    assert "optim.lr=0.05" in rows["a"]["hparams"]["overrides"]
    assert all(row["hparams"].keys() == rows["a"]["hparams"].keys() for row in rows.values())
    best = {
        (name, value["name"]["tag"])
        for name, row in rows.items()
        for value in row["metricValues"]
        if value["name"]["tag"].startswith("best/")
    }
    assert best == {("a", "best/mse"), ("sweep/0", "best/accuracy")}
    (data,) = [each for each in experiment["hparamInfos"] if each["name"] == "data"]
    assert set(data["domainDiscrete"]) == {"synthetic_linear", "fashion_mnist"}  # both can be picked in the tab
