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
from runs import Cli, Run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar.metadata import CONFIG_SUMMARY_TAG
from tensorboard.plugins.hparams import metadata, plugin_data_pb2


def read(folder: str) -> EventAccumulator:
    events = EventAccumulator(folder)
    events.Reload()
    return events


def info(events: EventAccumulator, tag: str) -> plugin_data_pb2.HParamsPluginData:
    content = events.SummaryMetadata(tag).plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content)


def told(events: EventAccumulator) -> dict[str, str | float]:
    hparams = info(events, metadata.SESSION_START_INFO_TAG).session_start_info.hparams
    return {key: value.string_value or value.number_value for key, value in hparams.items()}


@pytest.mark.slow
def test_a_run_says_what_it_was_started_with_and_its_best(cli: Cli) -> None:
    assert cli("optim.lr=0.03", "trainer.epochs=2", "++data.weights=[1,2]", "folder=run")[0] == 0
    events = read("run")
    assert told(events) == {
        "data": "synthetic_linear",
        "goal": "min val/mse",
        "model": "linear",
        "optim": "sgd",
        "optim.lr": 0.03,
        "scheduler": "constant",
        "seed": 0.0,
        "set data.weights": "1 2",
        "set trainer.epochs": 2.0,
    }
    goal = Run("run").summary["goal"]
    best = events.Scalars("goal/best")
    assert [point.step for point in best] == [80, 160]
    assert (best[-1].step, best[-1].value) == (goal["best_step"], pytest.approx(goal["best"]))
    end = info(events, metadata.SESSION_END_INFO_TAG).session_end_info
    assert end.status == 1 and end.end_time_secs > 0  # STATUS_SUCCESS


@pytest.mark.slow
def test_the_goal_and_the_loss_open_first(cli: Cli) -> None:
    """TensorBoard opens the first two groups of tags by the alphabet; metrics.jsonl has the contract's tags alone."""
    assert cli("optim.lr=0.5", "trainer.epochs=3", "folder=run")[0] == 0
    events = read("run")
    tags = sorted(events.Tags()["scalars"])
    assert tags[:4] == ["goal/best", "goal/last", "loss/train", "loss/val"]
    lines = Run("run").metrics
    assert set(tags[4:]) == set().union(*lines) - {"step", "epoch", "time_s"}
    for tag, of in (("goal/last", "val/mse"), ("loss/train", "train/loss"), ("loss/val", "val/loss")):
        same = [(line["step"], pytest.approx(line[of])) for line in lines if of in line]
        assert [(point.step, point.value) for point in events.Scalars(tag)] == same
    layout = layout_pb2.Layout.FromString(events.Tensors(CONFIG_SUMMARY_TAG)[0].tensor_proto.string_val[0])
    charts = {chart.title: list(chart.multiline.tag) for chart in layout.category[0].chart}
    assert charts == {"loss": ["train/loss", "val/loss"], "mse": ["train/mse", "val/mse"]}


def test_a_run_that_diverged_has_no_end_yet(cli: Cli) -> None:
    assert cli("optim.lr=100", "trainer.epochs=9", "folder=run")[0] == 1
    tags = read("run").Tags()["tensors"]
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
def test_tensorboard_shows_unlike_runs_side_by_side(tmp_path: Path, cli: Cli) -> None:
    common = ["trainer.epochs=1", "stand_in=always"]
    assert cli(*common, "optim.lr=0.05", "folder=logs/a")[0] == 0
    other = ["model=mlp", "data=fashion_mnist", "optim=adam", "model.hidden=[16]"]
    assert cli(*common, *other, "folder=logs/sweep/0")[0] == 0
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
    # Whatever a run's goal and its typed keys are, the columns that the tab shows are there: five of each kind.
    shown = [each["name"] for each in experiment["hparamInfos"]][:5]
    assert shown == ["data", "goal", "model", "optim", "optim.lr"]
    assert all(set(shown) <= row["hparams"].keys() for row in rows.values())
    metrics = [each["name"]["tag"] for each in experiment["metricInfos"]][:5]
    assert metrics == ["goal/best", "goal/last", "loss/train", "loss/val", "optim/grad_norm"]
    for row in rows.values():
        assert set(metrics) <= {value["name"]["tag"] for value in row["metricValues"]}
    assert rows["sweep/0"]["hparams"]["goal"] == "max val/accuracy"
    assert rows["sweep/0"]["hparams"]["set model.hidden"] == "16"
