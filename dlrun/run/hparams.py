"""A run in TensorBoard beside its metrics: what opens first, train and val in one chart, its row in the HParams tab.

Written with the run's own writer: SummaryWriter.add_hparams would make a second run folder. There is no experiment
summary on purpose: TensorBoard takes the first one it finds for all runs, and hides what that one does not name.
Without one it joins what all runs say, so runs of different models and goals stand side by side.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dlrun.errors import Pruned
from dlrun.run.folder import RunDir

FEW = 6  # of a list's values, such as the widths of layers


def opened_first(metrics: dict[str, float], goal_tag: str, best: float | None) -> dict[str, float]:
    """TensorBoard opens its first two groups by the alphabet, so these are `goal` and `loss`.

    The HParams tab shows the first five tags, and draws a line only through runs that have all it shows: so here a
    goal has the same two tags whatever its metric is.
    """
    shown = {f"loss/{split}": metrics[f"{split}/loss"] for split in ("train", "val") if f"{split}/loss" in metrics}
    if goal_tag in metrics and best is not None:
        shown |= {"goal/best": best, "goal/last": metrics[goal_tag]}
    return shown


def chart_train_and_val(run: RunDir, metric: str) -> None:
    """For the tab Custom Scalars, which puts two tags into one chart."""
    charts = {name: ["Multiline", [f"train/{name}", f"val/{name}"]] for name in ("loss", metric)}
    if run.writer is not None:
        run.writer.add_custom_scalars({"train and val": charts})


@contextmanager
def log_hparams(run: RunDir, config: dict[str, object], overrides: Sequence[str], goal: str) -> Iterator[None]:
    """Tells TensorBoard what begins in the block, and its end where it comes to one.

    TensorBoard believes the first end that it reads. A run that failed or was stopped may yet go on, so it gets none.
    """
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    info = plugin_data_pb2.SessionStartInfo(start_time_secs=time.time())
    for key, value in ({"goal": goal} | values(config, overrides)).items():
        if isinstance(value, str):
            info.hparams[key].string_value = value
        else:
            info.hparams[key].number_value = value
    write(run, metadata.SESSION_START_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_start_info=info))
    pruned = None
    try:
        yield
    except Pruned as error:
        pruned = error
    end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=time.time())
    write(run, metadata.SESSION_END_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_end_info=end))
    if pruned:
        raise pruned


def values(config: dict[str, object], overrides: Sequence[str]) -> dict[str, str | float]:
    """What all runs have, and each other value that was typed or swept, as `set model.dropout`.

    The tab shows five columns, those that differ first and these by the alphabet: so in a sweep what is swept, and
    among unlike runs what all have, as it must be for lines to be drawn.
    """
    found = {group: plain(value(config, f"choices.{group}")) for group in ("data", "model", "optim", "scheduler")}
    found |= {key: plain(value(config, key)) for key in ("optim.lr", "seed")}
    typed = [each.lstrip("+~").partition("=")[0] for each in overrides]
    others = [key for key in typed if key not in (*found, "folder") and value(config, f"choices.{key}") is None]
    return found | {f"set {key}": plain(value(config, key)) for key in others}


def value(config: dict[str, object], key: str) -> object:
    node: object = config
    for step in key.split("."):
        node = node.get(step) if isinstance(node, dict) else None
    return node


def plain(value: object) -> str | float:
    """Numbers as they are; a tab's cell has no room for more than a short text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if isinstance(value, list) and len(value) <= FEW:
        return " ".join(map(str, value))
    return "none" if value is None else str(value)[:40]


def write(run: RunDir, tag: str, data: object) -> None:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata

    if run.writer is not None:
        value = Summary.Value(tag=tag, metadata=metadata.create_summary_metadata(data), tensor=metadata.NULL_TENSOR)
        run.writer._get_file_writer().add_summary(Summary(value=[value]))
