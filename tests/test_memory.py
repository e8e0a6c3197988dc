"""How much memory can be had, what is refused before it is tried, and what was taken at most."""

from pathlib import Path
from typing import Any

import pytest
import torch

from dlrun import memory
from dlrun.errors import UserError


def test_what_a_container_leaves_counts(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 900 kB\nMemAvailable: 500 kB\nSwapFree: 100 kB\n")
    assert memory.available(tmp_path) == 600 * 1024
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    for name, text in (("max", "400000"), ("current", "300000"), ("stat", "anon 1\ninactive_file 50000\n")):
        (group / f"memory.{name}").write_text(text)
    assert memory.available(tmp_path) == 400_000 - 300_000 + 50_000
    (group / "memory.max").write_text("max\n")
    assert memory.available(tmp_path) == 600 * 1024


def test_a_container_of_the_older_kind(tmp_path: Path) -> None:
    group = tmp_path / "sys/fs/cgroup/memory"
    group.mkdir(parents=True)
    (group / "memory.limit_in_bytes").write_text("400000\n")
    (group / "memory.usage_in_bytes").write_text("100000\n")
    (group / "memory.stat").write_text("cache 7\ntotal_inactive_file 20000\n")
    assert memory.available(tmp_path) == 320_000


@pytest.mark.parametrize("newer", [True, False])
def test_a_group_that_this_process_is_in_counts_and_one_above_it(newer: bool, tmp_path: Path) -> None:
    """A job of a cluster: the machine itself has no limit."""
    mount, line = (
        ("sys/fs/cgroup", "0::/slurm/job_7") if newer else ("sys/fs/cgroup/memory", "4:cpu,memory:/slurm/job_7")
    )
    limit, used = ("memory.max", "memory.current") if newer else ("memory.limit_in_bytes", "memory.usage_in_bytes")
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"1:name=systemd:/\n{line}\n")
    for name, most in (("slurm", 700), ("slurm/job_7", 500)):
        (group := tmp_path / mount / name).mkdir(parents=True)
        for file, text in ((limit, most), (used, 100), ("memory.stat", "")):
            (group / file).write_text(f"{text}\n")
    assert memory.available(tmp_path) == 400
    (group / limit).write_text("900\n")
    assert memory.available(tmp_path) == 600
    (tmp_path / "proc/self/cgroup").write_text("0::/elsewhere\n")  # the name that it has outside of its container
    assert memory.container(tmp_path) is None


def test_what_fits_is_not_refused() -> None:
    there = memory.available()
    assert there is not None
    memory.ask_for(there // 2, "half of it")
    with pytest.raises(UserError, match="twice would take .* GB of memory"):
        memory.ask_for(max(2 * there, memory.NOTICED), "twice")


@pytest.mark.parametrize("shape", [(2**50,), ((2**25, 2**25),), (torch.Size([2**50]),)])
def test_a_tensor_is_refused_before_it_is_made(shape: tuple[Any, ...]) -> None:
    wanted = r"^The model would take 9,007,199.3 GB of memory; .* can be had\.$"
    with pytest.raises(UserError, match=wanted), memory.watched("The model"):
        torch.zeros(*shape, dtype=torch.float64)
    with pytest.raises(UserError, match="^The model would take more memory than there is"), memory.watched("The model"):
        torch.zeros(2).repeat(2**50)


def test_other_mistakes_within_it_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"), memory.watched("The model"):
        torch.ones(2, 3) @ torch.ones(2, 3)


def test_a_peak_is_of_what_came_after_it_was_begun() -> None:
    before = torch.ones(2**23)  # 32 MiB
    peak = memory.Peak(torch.device("cpu"))
    first = peak.bytes()
    torch.ones(2**24)  # 64 MiB, and gone at once
    assert first < 2**24 and 2**25 < peak.bytes() < 2**27
    assert len(before)
