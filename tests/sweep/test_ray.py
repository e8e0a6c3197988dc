"""A sweep over a Ray cluster of two nodes on this machine: jobs on both, and one that dies is named."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from runs import Cli

pytest.importorskip("ray")
import ray  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402

FAILING = """
import os, signal, time
from pathlib import Path
import ray, torch

class Mine(torch.nn.Module):
    def __init__(self, in_features: int, outputs: int, *, how: str):
        super().__init__()
        self.layer = torch.nn.Linear(in_features, outputs)
        self.how = how
        Path("node-" + ray.get_runtime_context().get_node_id()).touch()
        time.sleep(2)  # so that one node can not do it all alone

    def forward(self, x):
        if self.how == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        return self.layer(x)
"""


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.add_node(num_cpus=1)
    try:
        yield made.address
    finally:
        ray.shutdown()
        made.shutdown()


@pytest.mark.slow
def test_jobs_run_on_both_nodes_and_a_dead_one_is_named(cluster: str, cli: Cli, package: Callable[..., None]) -> None:
    package(FAILING, "  how: well  # how it fails\n")
    mine = ["model=mine", "--config-dir", "my_conf", "trusted=[my_package]", "folder=s", "device=cpu"]
    there = ["hydra/launcher=ray", f"hydra.launcher.address='{cluster}'", "trainer.epochs=1"]
    code, _, err = cli("-m", *mine, *there, "model.how=well,killed,fine,good")
    assert code == 1, err
    rows = sorted(json.loads(Path("s/leaderboard.json").read_text())["jobs"], key=lambda row: row["job"])
    assert [row["status"] for row in rows] == ["completed", "failed", "completed", "completed"], err
    assert rows[1]["error"].startswith("its Ray worker died: ")
    assert len([name for name in os.listdir() if name.startswith("node-")]) == 2
