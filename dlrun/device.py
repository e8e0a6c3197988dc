"""Where tensors live, in which precision, and the random state of everything that draws."""

import ctypes
import os
import random
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import nn
from torch.amp.grad_scaler import GradScaler

from dlrun.errors import UserError

LOW_PRECISION = {"bf16": torch.bfloat16, "fp16": torch.float16}
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # glibc's malloc.h


@dataclass(frozen=True)
class Device:
    """A chosen device; `autocast()` wraps each forward pass in its precision."""

    torch: torch.device
    precision: str
    asynchronous: bool  # work is queued, and to read a value waits for all of it: true of every GPU
    deterministic: bool

    def prepare(self) -> None:
        """Sets what torch and the C library keep for the whole process: before anything is built to train on it."""
        # The same as use_deterministic_algorithms, without its import of torch's compiler: 3 s before every first word.
        torch.set_deterministic_debug_mode("error" if self.deterministic else "default")
        torch.backends.cudnn.benchmark = not self.deterministic
        if self.deterministic:  # cuBLAS reads this when it starts, and raises an error without it
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        if self.torch.type == "cpu":
            keep_freed_memory()

    def wait(self) -> None:
        """Until all that was queued is done."""
        if self.torch.type == "cuda":
            torch.cuda.synchronize(self.torch)
        elif self.torch.type == "mps":
            torch.mps.synchronize()

    def autocast(self) -> AbstractContextManager[object]:
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.torch.type, LOW_PRECISION[self.precision])

    def scaler(self) -> GradScaler:
        """Loss scaling, which only fp16 needs: its smallest gradients would become 0."""
        return GradScaler(self.torch.type, enabled=self.precision == "fp16")

    def __str__(self) -> str:
        name = torch.cuda.get_device_name(self.torch) if self.torch.type == "cuda" else ""
        return " ".join(part for part in (str(self.torch), name, self.precision) if part)


def available() -> list[str]:
    kinds = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return [kind for kind, there in kinds.items() if there]


def choose(
    *,
    name: Literal["auto", "cpu", "cuda", "mps"],
    precision: Literal["fp32", "bf16", "fp16"],
    deterministic: bool,
) -> Device:
    """The device asked for, `auto` being the fastest there is. UserError where it does not exist. Changes nothing."""
    possible = available()
    if name != "auto" and name not in possible:
        raise UserError(f"device={name}: this machine has none. Possible: auto, {', '.join(possible)}.")
    kind = possible[-1] if name == "auto" else name
    if precision == "fp16" and kind == "cpu":
        raise UserError("device.precision=fp16 needs a GPU. On a CPU type device.precision=bf16 or fp32.")
    return Device(torch.device(kind), precision, asynchronous=kind != "cpu", deterministic=deterministic)


def keep_freed_memory() -> None:
    """Keeps blocks of up to 64 MiB that are freed for the next step. By itself glibc hands them back to the system at
    once, and each step of a language model takes some 15,000 pages anew: a fifth of its time on one thread
    (bench/keep_memory.py).
    Other C libraries stay as they are. What it costs: up to eight blocks of a size stay where one would do, since the
    odd ends that torch's alignment leaves between them keep them apart.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    # Older versions take 32 MiB at most. The second alone does harm: then glibc no longer raises the first.
    if mallopt and (mallopt(MMAP_THRESHOLD, 2**26) or mallopt(MMAP_THRESHOLD, 2**25)):
        mallopt(TRIM_THRESHOLD, 2**31 - 1)


def seed_everything(seed: int) -> None:
    """Python, numpy and torch on every device."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def rng_state() -> dict[str, object]:
    """The state of every generator that training may draw from, in types that `weights_only=True` loads."""
    _, keys, *rest = np.random.get_state(legacy=True)
    assert isinstance(keys, np.ndarray)
    return {
        "python": random.getstate(),
        "numpy": (keys.tolist(), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_rng_state(state: dict[str, Any]) -> None:
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    keys, *rest = state["numpy"]
    np.random.set_state(("MT19937", np.array(keys, dtype=np.uint32), *rest))
    torch.set_rng_state(state["torch"])
    if len(state["cuda"]) == torch.cuda.device_count() > 0:  # a run may go on on a machine with other GPUs
        torch.cuda.set_rng_state_all(state["cuda"])


def not_compiled(model: nn.Module) -> str:
    """What torch.compile passes over, with all that follows: torch 2.13 goes by these three types."""
    found = {type(module).__name__ for module in model.modules() if isinstance(module, nn.RNN | nn.GRU | nn.LSTM)}
    return " and ".join(f"nn.{name}" for name in sorted(found))
