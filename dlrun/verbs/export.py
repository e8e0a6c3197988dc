"""`dlrun export RUN --to FORMAT`: a model for other programs: ONNX, a torch.export program, weights, word vectors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun import console
from dlrun.errors import DataError, RunFailed, UserError
from dlrun.run.folder import RunDir, best_checkpoint
from dlrun.store import kept, named
from dlrun.terminal.plain import amount
from dlrun.verbs.parser import verb

if TYPE_CHECKING:
    from dlrun.run.answer import Trained

VECTORS = {"word2vec": "word2vec.txt", "npy": "vectors.npy"}
FOLDERS = ("onnx", "torch", "safetensors")
HELP = "onnx: a graph for onnxruntime; torch: a torch.export program; safetensors: weights; word2vec, npy: word vectors"


def run(argv: list[str]) -> None:
    parser = verb("export", "A trained model as files for other programs.", answers=True, json=True)
    parser.add_argument("--to", choices=[*FOLDERS, *VECTORS], required=True, help=HELP)
    parser.add_argument(
        "--output", metavar="PATH", help="a folder (word vectors: a file); default: named as the format, in the run's"
    )
    parser.add_argument("--check", action="store_true", help="ask the exported model what the run was tested on")
    arguments = parser.parse_args(argv)
    if arguments.output == "":
        raise UserError("--output is empty. Name a folder.")
    found = best_checkpoint(arguments.run)
    if arguments.to == "onnx":
        from dlrun.export import onnx

        onnx.check_installed()

    from dlrun.run.answer import Trained

    trained = Trained.open(*found, arguments.trust)
    if arguments.to in VECTORS:
        if arguments.check:
            raise UserError(f"--check is for {', '.join(FOLDERS)}: word vectors answer nothing.")
        path, said = vectors(trained, place(arguments.output, found[0] / VECTORS[arguments.to]), arguments.to)
        tell(arguments.json, path, f"{said}: {path}", {})
        return
    network(trained, place(arguments.output, found[0] / arguments.to), arguments)


def place(typed: str | None, default: Path) -> Path:
    """UserError where the default is a link, as a stranger's run may have it: nothing is written through one."""
    if typed is None and default.is_symlink():
        raise UserError(f"{default} is a link, and none is followed here. Name a folder: --output FOLDER")
    return default if typed is None else Path(os.path.expanduser(typed))


def tell(json: bool, path: Path, text: str, more: dict[str, object]) -> None:
    if json:
        console.json_out({"path": str(path), **more})
    else:
        for line in text.splitlines():
            console.say(line)


def network(trained: Trained, folder: Path, arguments: object) -> None:
    from dlrun.export import folder as exports
    from dlrun.run.answer import understood

    to, check, trust, json = (getattr(arguments, name) for name in ("to", "check", "trust", "json"))
    exports.refuse_to_overwrite(folder, exports.BESIDE)  # before the minutes that a large model takes
    with understood(trained.where):
        exported = exports.made(trained, to)
    exports.write(exported, folder)
    text = f"{folder}: {', '.join(exported.files)}"
    more: dict[str, object] = {"files": list(exported.files)}
    if not check:
        tell(json, folder, text, more)
        return
    split = None if exported.interface is None else attached(trained, trust)
    with understood(trained.where):
        result = exports.checked(exported, split, batch_size(trained))
    what = (
        f"{amount(result.rows, 'row')} of {split}"
        if split
        else f"{amount(result.rows, 'drawn input')}: its data is not here"
    )
    if exported.interface is None:
        what = f"{amount(result.rows, 'weight')}, read again"
    said = (
        f"largest difference {console.number(result.largest)} over {what}; {console.number(result.allowed)} is allowed"
    )
    tell(json, folder, f"{text}\n{said}", {**more, "check": {"on": split, **result._asdict(), "good": result.good}})
    if not result.good:
        raise RunFailed(f"{folder}/{exported.model} does not answer as {trained.where}: {said}.")


def batch_size(trained: Trained) -> int:
    size = trained.config.get("batch_size")
    return size if isinstance(size, int) and size > 0 else 1


def attached(trained: Trained, trust: list[str]) -> str | None:
    """Gives a run's task its data -> the split to be asked; None where the data can't be had, or there is no run."""
    from dlrun.config import assemble
    from dlrun.run import saved

    if not kept.is_plain(trained.where / "config.yaml"):
        return None
    run = RunDir(trained.where)
    spec = saved.open_spec(run, trust=trust, overrides={"device.name": "cpu"})
    try:
        with saved.silent_on_others(run, spec):
            data, facts = assemble.load_data(spec, replaceable=False)
        saved.check_data(run, assemble.Components(data, trained.task, trained.model, spec.device, facts))
    except (DataError, UserError) as error:  # its files are not here, or are others: no reason not to ask it at all
        console.warn(str(error))
        return None
    if data.schema.sizes != trained.task.schema.sizes:
        console.warn("the data has other sizes than the one the run was trained on")
        return None
    trained.task.attach(data)
    return next(name for name in ("test", "val", "train") if name in trained.task.splits)


def vectors(trained: Trained, path: Path, to: str) -> tuple[Path, str]:
    """Writes word vectors -> where, and how many."""
    import numpy as np

    from dlrun.text import embeddings

    found = trained.embeddings()
    files: dict[str, named.Write] = {path.name: lambda file: embeddings.write_text(file, found)}
    if to == "npy":
        path = path if path.suffix == ".npy" else path.with_name(f"{path.name}.npy")
        beside, words = path.with_suffix(".txt"), "".join(f"{embeddings.one_line(word)}\n" for word in found.words)
        if os.path.lexists(beside) and not os.path.lexists(path):
            raise UserError(f"{beside}, where the words would go, is there already. Name another file: --output FILE")
        files = {
            path.name: lambda file: np.save(file, found.vectors.numpy()),
            beside.name: lambda file: file.write(words.encode("utf-8", "backslashreplace")),
        }
    named.replace_typed(path.parent, files)
    return path, f"{amount(len(found.words), 'word')}, {amount(found.vectors.shape[1], 'number')} each"
