"""Datasets as a test reads them: with the options of their YAML, from their stand-in or from files of its own."""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from dlrun.config import catalogue
from dlrun.data.base import Data, Schema, Split
from dlrun.files import stand_ins
from dlrun.text.vocab import Vocab


def name_of(module: ModuleType) -> str:
    return module.__name__.rpartition(".")[2]


def chosen(module: ModuleType, **changed: object) -> dict[str, Any]:
    """The options of its YAML, without what its files are."""
    node = catalogue.read("data", name_of(module))
    return {key: value for key, value in node.items() if key not in ("_target_", "name", "files")} | changed


def stand_in_folder(module: ModuleType) -> Path:
    return stand_ins.stand_in(name_of(module), module.STAND_IN)[0]


def stand_in(module: ModuleType, **changed: object) -> Any:
    return module.load(stand_in_folder(module), **chosen(module, **changed))


def tokens(name: str, size: int, **changed: object) -> dict[str, object]:
    """Options of a dataset of texts: only byte pairs have a size."""
    return {"tokenizer": name, "vocab_size": size if name == "bpe" else None, **changed}


def texts_of(vocab: Vocab, split: Split) -> list[str]:
    """A part's texts, as its tokens spell them."""
    assert split.offsets is not None
    begins, ends = split.offsets[:-1].tolist(), split.offsets[1:].tolist()
    return [vocab.text(split.x[begin:end].tolist()) for begin, end in zip(begins, ends, strict=True)]


# files of the user's own


def own(name: str, path: Path | str | None, **changed: Any) -> Data:
    """data=text, labelled or pairs of a path; its schema comes back from a checkpoint."""
    module: Any = importlib.import_module(f"dlrun.data.{name}")
    found: Data = module.load(**chosen(module, path=path and str(path), **({"task": "its_task"} | changed)))
    assert Schema.from_state_dict(found.schema.state_dict(), "here").state_dict() == found.schema.state_dict()
    return found


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path
