"""A run in TensorBoard's HParams tab: what it was started with, its best value, whether it is done.

Written with the run's own writer: SummaryWriter.add_hparams would make a second run folder. There is no experiment
summary on purpose: TensorBoard takes the first one it finds for all runs, and hides what that one does not name.
Without one it joins what all runs say, so runs of different models and goals stand side by side.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from dlrun.rundir import RunDir

# TensorBoard believes the first end it reads. One that failed or was stopped may yet go on, so it gets none.
ENDED = ("completed", "pruned")


@contextmanager
def told(run: RunDir, config: dict[str, Any], overrides: Sequence[str]) -> Iterator[None]:
    """Tells TensorBoard what begins in the block and, whatever happens there, its best value."""
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    info = plugin_data_pb2.SessionStartInfo(start_time_secs=time.time())
    for key, value in values(config, overrides).items():
        if isinstance(value, str):
            info.hparams[key].string_value = value
        else:
            info.hparams[key].number_value = value
    write(run, metadata.SESSION_START_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_start_info=info))
    try:
        yield
    finally:
        summary = run.read_summary()
        goal = summary.get("goal", {})
        if run.writer is not None and goal.get("best") is not None:
            name = str(goal["metric"]).rpartition("/")[2]
            run.writer.add_scalar(f"best/{name}", goal["best"], goal["best_step"])
        if summary.get("status") in ENDED:
            end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=time.time())
            write(run, metadata.SESSION_END_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_end_info=end))


def values(config: dict[str, Any], overrides: Sequence[str]) -> dict[str, str | float]:
    """The same keys for every run: a filter of the tab hides those that lack its key (tensorboard#5596)."""
    chosen, rate = config["choices"], config["optim"].get("lr")
    return {
        **{group: str(chosen.get(group, "none")) for group in ("model", "data", "optim", "scheduler")},
        "seed": config["seed"],
        "batch_size": config["batch_size"],
        "optim.lr": "none" if rate is None else rate,
        "overrides": " ".join(overrides),
    }


def write(run: RunDir, tag: str, data: Any) -> None:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata

    if run.writer is not None:
        value = Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR)
        run.writer._get_file_writer().add_summary(Summary(value=[value]))
