"""A model as an ONNX file, by torch's own exporter."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib.util import find_spec
from io import StringIO
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from dlrun.errors import UserError
from dlrun.export.interface import Interface
from dlrun.export.recurrent import onnx_layers

FILE = "model.onnx"
LIBRARIES = ("onnx", "onnxscript", "onnxruntime")
LARGEST = 2**31 - 1  # bytes of one file: a protocol buffer's limit


def check_installed() -> None:
    """UserError that says what to install."""
    if missing := [name for name in LIBRARIES if find_spec(name) is None]:
        raise UserError(f"--to onnx needs {' and '.join(missing)}, not installed here. Type: pip install 'dlrun[onnx]'")


def content(interface: Interface) -> bytes:
    """The file. Recurrent layers are ONNX's own operators, attention is written out."""
    with quiet(), interface.exportable(), onnx_layers(interface.net), WrittenOut():
        program = torch.onnx.export(
            interface.program(), input_names=list(interface.inputs), output_names=interface.outputs, verbose=False
        )
    assert program is not None  # only with a path to write to
    graph = program.model.graph
    for value in (*graph.inputs, *graph.outputs):
        axes = interface.axes.get(value.name or "", {})
        sizes = [axes.get(axis, size) for axis, size in enumerate(value.shape or ())]
        value.shape = type(value.shape)(sizes) if value.shape is not None else None
    proto = program.model_proto
    if proto.ByteSize() > LARGEST:
        raise UserError("An ONNX file holds 2 GB at most, and this model is larger. Type --to torch or safetensors.")
    return bytes(proto.SerializeToString())


def opened(file: bytes) -> Callable[..., list[Tensor]]:
    """The exported model, run by onnxruntime on the CPU: called with tensors, answers tensors."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_inputs()]

    def run(*inputs: Tensor) -> list[Tensor]:
        given = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
        return [torch.from_numpy(each) for each in session.run(None, given)]

    return run


class WrittenOut(TorchFunctionMode):
    """Attention in its own products: torch's fused one lies in memory in ways that ONNX's exporter trips over."""

    def __torch_function__(self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return (attention if func is scaled_dot_product_attention else func)(*args, **(kwargs or {}))


def attention(q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None, dropout_p: float = 0.0) -> Tensor:
    """(B, N, T, D), (B, N, S, D) twice -> (B, N, T, D), in eval mode."""
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, -torch.inf)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return scores.softmax(-1) @ v


@contextmanager
def quiet() -> Iterator[None]:
    """Without what exporters log, warn of and print, such as a graph's thousands of lines: it is for torch's people."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            yield
    finally:
        logging.disable(before)
