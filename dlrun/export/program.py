"""A model as a program of torch.export: torch runs it without the Python that made it."""

import io
from collections.abc import Callable

import torch
from torch import Tensor

from dlrun.export.interface import Interface
from dlrun.export.onnx import quiet
from dlrun.export.recurrent import whole_layers

FILE = "model.pt2"


def content(interface: Interface) -> bytes:
    """The file."""
    buffer = io.BytesIO()
    with quiet(), interface.exportable(), whole_layers():
        torch.export.save(interface.program(), buffer)
    return buffer.getvalue()


def opened(file: bytes) -> Callable[..., list[Tensor]]:
    """The exported model as it is loaded: called with tensors, answers tensors."""
    with quiet():
        program = torch.export.load(io.BytesIO(file)).module(check_guards=False)  # they rule out sizes of 1

    @torch.no_grad()
    def run(*inputs: Tensor) -> list[Tensor]:
        answer = program(*inputs)
        return list(answer) if isinstance(answer, tuple | list) else [answer]

    return run
