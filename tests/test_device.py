"""What training on a CPU does with memory."""

import platform
import resource

import pytest
import torch

from dlrun import device


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is told what to keep")
def test_freed_memory_is_kept_for_the_next_step() -> None:
    device.choose(name="cpu", precision="fp32", deterministic=False)
    size = 40 * 2**20  # above glibc's largest threshold of its own, 32 MiB

    def step() -> None:
        torch.empty(size, dtype=torch.uint8).fill_(1)

    for _ in range(20):
        step()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        step()
    taken = (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize()
    assert taken < size
