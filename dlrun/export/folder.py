"""A trained model in a format of others, as a folder that holds all that a program needs to ask it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path

import torch

from dlrun.errors import DlrunError, UserError
from dlrun.export import check, example, interface, onnx, program, weights
from dlrun.export.check import Found
from dlrun.export.interface import Interface
from dlrun.run.answer import Trained
from dlrun.store import kept
from dlrun.store.decode import said

FORMATS = ("onnx", "torch", "safetensors")
CONFIG = ("choices", "seed", "data", "task", "model", "optim", "trainer")


@dataclass(frozen=True)
class Exported:
    trained: Trained
    interface: Interface | None  # None: weights alone
    files: dict[str, bytes]  # by name, the model first

    @property
    def model(self) -> str:
        return next(iter(self.files))


def made(trained: Trained, to: str) -> Exported:
    """All files of an export, in memory: nothing is written of one that fails. UserError for a model that can't."""
    asked, tied = None, dict[str, str]()
    if to == "safetensors":
        content, tied = weights.content(trained.model)
    else:
        if to == "onnx":
            onnx.check_installed()
        asked = interface.of(trained)
        content = followed(trained, asked, to)
    files = {example.MODELS[to]: content}
    texts = example.tokenizers(trained.task) | {
        "schema.json": as_json(example.schema_json(trained, asked, tied)),
        "config.json": as_json({key: trained.config[key] for key in CONFIG if key in trained.config}),
        "example.py": example.python(trained.task, to),
    }
    return Exported(trained, asked, files | {name: text.encode("utf-8", "replace") for name, text in texts.items()})


def followed(trained: Trained, asked: Interface, to: str) -> bytes:
    try:
        return onnx.content(asked) if to == "onnx" else program.content(asked)
    except (DlrunError, MemoryError):
        raise
    except Exception as error:  # whatever torch's exporters raise of a model that they can't follow
        lines = [line for line in str(error.__cause__ or error).splitlines() if line.strip()]
        raise UserError(
            f"{trained.where}: torch's exporter can't follow {type(trained.model).__name__} to {to} "
            f"({said(lines[0][:200]) if lines else type(error).__name__}). Its weights can go: --to safetensors"
        ) from error


def as_json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, default=str) + "\n"


def write(exported: Exported, folder: Path) -> None:
    """UserError where there can't be such a folder; RunFailed on a full disk, and then nothing new is left."""
    made_here = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"--output {folder}: {reason(folder, error)}. Name a folder.") from error
    written = []
    try:
        for name, content in exported.files.items():
            kept.replace(folder, name, methodcaller("write", content))
            written.append(name)
    except OSError as error:
        for other in written if made_here else ():
            with suppress(OSError):
                (folder / other).unlink()
        if made_here:
            with suppress(OSError):
                folder.rmdir()
        raise kept.unwritable(folder / name, error) from error


def reason(folder: Path, error: OSError) -> str:
    file = next((each for each in (folder, *folder.parents) if each.is_file()), None)
    return f"{file} is a file" if file else kept.reason(error)


def checked(exported: Exported, split: str | None, batch_size: int) -> Found:
    """Asks the files that were made. Weights are compared themselves."""
    trained, content = exported.trained, exported.files[exported.model]
    if exported.interface is None:
        loaded = weights.opened(content, json.loads(exported.files["schema.json"])["tied"])
        return same_weights(trained.model.state_dict(), loaded)
    run = onnx.opened(content) if exported.model == onnx.FILE else program.opened(content)
    questions = check.of_split(trained.task, split, batch_size) if split else check.drawn(trained.task)
    return check.compared(exported.interface, run, questions)


def same_weights(ours: Mapping[str, object], theirs: Mapping[str, torch.Tensor]) -> Found:
    largest = 0.0
    tensors = {name: each for name, each in ours.items() if isinstance(each, torch.Tensor)}
    for name, tensor in tensors.items():
        same = name in theirs and tensor.shape == theirs[name].shape and tensor.equal(theirs[name])
        largest = largest if same else torch.inf
    return Found(largest, 0.0, len(tensors))
