"""What training on a CPU does with memory."""

import platform
import resource

import pytest
import torch

from dlrun import device


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is told what to keep")
def test_freed_memory_is_kept_for_the_next_step() -> None:
    device.choose(name="cpu", precision="fp32", deterministic=False).prepare()
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


def test_a_config_is_checked_without_changing_anything() -> None:
    """Of torch's global state: `dlrun -m` checks hundreds of configs in the process that then forks its workers."""
    before = torch.get_deterministic_debug_mode(), torch.backends.cudnn.benchmark
    chosen = device.choose(name="cpu", precision="fp32", deterministic=True)
    assert (torch.get_deterministic_debug_mode(), torch.backends.cudnn.benchmark) == before
    try:
        chosen.prepare()
        assert torch.get_deterministic_debug_mode() == 2 and not torch.backends.cudnn.benchmark
    finally:
        device.choose(name="cpu", precision="fp32", deterministic=False).prepare()
