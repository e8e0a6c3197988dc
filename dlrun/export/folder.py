"""A trained model in a format of others, as a folder that holds all that a program needs to ask it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from dlrun.errors import DlrunError, UserError
from dlrun.export import check, example, interface, onnx, program, weights
from dlrun.export.check import Found
from dlrun.export.interface import Interface
from dlrun.run.answer import Trained
from dlrun.store import kept, named, unfinished
from dlrun.store.decode import said
from dlrun.store.kept import Unreadable

FORMATS = ("onnx", "torch", "safetensors")
BEGINS = '{\n "dlrun": "'  # a schema.json of ours
BESIDE = ("schema.json", "config.json", "example.py")
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
    beside = (
        as_json(example.schema_json(trained, asked, tied)),
        as_json({key: trained.config[key] for key in CONFIG if key in trained.config}),
        example.python(trained.task, to),
    )
    texts = example.tokenizers(trained.task) | dict(zip(BESIDE, beside, strict=True))
    return Exported(
        trained, asked, files | {name: text.encode("utf-8", "backslashreplace") for name, text in texts.items()}
    )


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
    refuse_to_overwrite(folder, exported.files)
    made = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]

    def remove() -> None:
        for each in made:
            with suppress(OSError):  # of a folder that is not empty
                each.rmdir()

    with unfinished.removed_by(remove):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            remove()
            raise UserError(f"--output {folder}: {reason(folder, error)}. Name a folder.") from error
        try:
            named.replace_all(folder, {name: writer(content) for name, content in exported.files.items()})
        except BaseException as error:
            remove()
            if isinstance(error, OSError):
                raise kept.unwritable(folder / error.filename, error) from error
            raise


def writer(content: bytes) -> named.Write:
    return lambda file: file.write(content)


def refuse_to_overwrite(folder: Path, files: Iterable[str]) -> None:
    """UserError where one of the files is there and is no export's: config.json is a name that others have as well."""
    if there := [name for name in files if os.path.lexists(folder / name)]:
        try:
            with kept.opened(folder, "schema.json") as file:
                if file.read(len(BEGINS)) == BEGINS.encode():
                    return
        except Unreadable:
            pass
        raise UserError(f"{folder} has a {there[0]} that is no export's. Name another folder: --output FOLDER")


def reason(folder: Path, error: OSError) -> str:
    for each in (folder, *folder.parents):
        if os.path.lexists(each) and not os.path.isdir(each):
            broken = "a link to what is not there" if each.is_symlink() else "no folder"
            return f"{each} is {'a file' if os.path.isfile(each) else broken}"
    return kept.reason(error)


def checked(exported: Exported, split: str | None, batch_size: int) -> Found:
    """Asks the files that were made. Weights are compared themselves."""
    trained, content = exported.trained, exported.files[exported.model]
    if exported.interface is None:
        loaded = weights.opened(content, json.loads(exported.files["schema.json"])["tied"])
        return same_weights(trained.model.state_dict(), loaded)
    run = onnx.opened(content) if exported.model == onnx.FILE else program.opened(content)
    questions = check.of_split(trained.task, split, batch_size) if split else check.drawn(trained.task)
    return check.compared(exported.interface, run, questions)


def is_same(ours: torch.Tensor, theirs: torch.Tensor) -> bool:
    """NaN is NaN here: what was read again is what was written."""
    return bool(((ours == theirs) | ((ours != ours) & (theirs != theirs))).all())


def same_weights(ours: Mapping[str, object], theirs: Mapping[str, torch.Tensor]) -> Found:
    largest = 0.0
    tensors = {name: each for name, each in ours.items() if isinstance(each, torch.Tensor)}
    for name, tensor in tensors.items():
        same = name in theirs and tensor.shape == theirs[name].shape and is_same(tensor, theirs[name])
        largest = largest if same else torch.inf
    return Found(largest, 0.0, len(tensors))
