"""What is written beside an exported model: what it takes and answers as JSON, and a Python file that asks it.

The file is put together from templates/*.txt, each a piece of plain Python: how the model is asked, how an input is
read, how an answer is told. What is done to a text first is the very function that dlrun has for it.
"""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import asdict
from pathlib import Path

from dlrun import __version__
from dlrun.data.base import Scale
from dlrun.data.fr_en import BOS, EOS
from dlrun.export.interface import Interface
from dlrun.run.answer import Trained
from dlrun.task.base import Task
from dlrun.task.classify import Classify
from dlrun.task.classify_images import ClassifyImages
from dlrun.task.classify_texts import ClassifyTexts
from dlrun.task.lm import LanguageModel
from dlrun.task.regress import Regress
from dlrun.task.translate import Translate
from dlrun.text import normalizers
from dlrun.text.vocab import Vocab

USAGE = {  # by the piece that reads an input
    "table": " 1,2,…",
    "columns": " ROWS.csv",
    "image": " IMAGE…",
    "text": " TEXT…",
    "lm": " PROMPT…",
    "translate": " SENTENCE…",
    "weights": "",
}
TEMPLATES = Path(__file__).parent / "templates"
NEEDS = {"onnx": "onnxruntime numpy", "torch": "torch numpy", "safetensors": "safetensors numpy"}
STANDARD = ("csv", "datetime", "json", "math", "pathlib", "re", "sys")
MODELS = {"onnx": "model.onnx", "torch": "model.pt2", "safetensors": "model.safetensors"}


def schema_json(trained: Trained, interface: Interface | None, tied: dict[str, str]) -> dict[str, object]:
    """All that preprocessing and answers need, as plain values."""
    task, schema = trained.task, trained.task.schema
    found: dict[str, object] = {
        "dlrun": __version__,
        "task": type(task).__name__,
        "model": type(trained.model).__name__,
        **(ports(interface) if interface else {"tied": tied}),
        "sizes": {**schema.sizes, **task.sizes},
        "columns": schema.columns and [asdict(column) for column in schema.columns],
        "target": schema.target,
        "fit": schema.fit,
        "labels": schema.labels or labels(task),
        "x_scale": scale(schema.x_scale) or ({"mean": 0, "std": 255} if isinstance(task, ClassifyImages) else None),
        "y_scale": scale(schema.y_scale),
        "vocab": vocabulary(schema.vocab),
        "writer": list(tokenizers(task))[-1] if tokenizers(task) else None,  # of the text that it writes
    }
    if isinstance(task, ClassifyTexts):
        found["max_len"] = task.max_len
    if isinstance(task, Translate):
        found |= {"target_vocab": vocabulary(schema.target_vocab), "bos": BOS, "eos": EOS, "longest": task.longest}
    return {name: value for name, value in found.items() if value is not None or name.endswith(("scale", "max_len"))}


def tokenizers(task: Task) -> dict[str, str]:
    """Files of the library `tokenizers` for vocabularies of byte pairs."""
    found = {"tokenizer.json": task.schema.vocab, "target_tokenizer.json": task.schema.target_vocab}
    return {name: vocab.byte_pairs.to_str() for name, vocab in found.items() if vocab and vocab.byte_pairs}


def labels(task: Task) -> list[str] | None:
    return [str(number) for number in range(task.size("outputs"))] if isinstance(task, Classify) else None


def scale(found: Scale | None) -> dict[str, object] | None:
    return None if found is None else {"mean": found.mean.tolist(), "std": found.std.tolist()}


def vocabulary(found: Vocab | None) -> object:
    return found and json.loads(found.to_json())


def ports(interface: Interface) -> dict[str, object]:
    """Inputs and outputs by name, type and shape, a word where an axis is free."""
    inputs = [
        {
            "name": name,
            "type": str(given.dtype).removeprefix("torch."),
            "shape": [interface.axes.get(name, {}).get(axis, size) for axis, size in enumerate(given.shape)],
            **({"start": interface.fill} if name.startswith("state_") else {}),
        }
        for name, given in interface.inputs.items()
    ]
    return {"inputs": inputs, "outputs": list(interface.outputs)}


# the Python file


def pieces(task: Task, to: str) -> list[str]:
    """The templates of a task, in order."""
    if to == "safetensors":
        return ["weights"]
    if isinstance(task, Regress):
        return [to, "columns" if task.schema.columns else "table", "number"]
    if isinstance(task, Classify):
        return [to, "columns" if task.schema.columns else task.schema.inputs, "label"]
    return [to, "lm" if isinstance(task, LanguageModel) else "translate"]


def python(task: Task, to: str) -> str:
    """The example's text."""
    names, vocab = pieces(task, to), task.schema.vocab
    parts = [(TEMPLATES / f"{name}.txt").read_text(encoding="utf-8") for name in names]
    needs = NEEDS[to] + (" pillow" if "image" in names else "")
    if to != "safetensors" and vocab is not None:
        parts[1:1] = [normalizer(vocab), (TEMPLATES / f"{vocab.tokenization}.txt").read_text(encoding="utf-8")]
        needs += " tokenizers" if vocab.tokenization == "bpe" else ""
        written = task.schema.target_vocab or vocab
        if not isinstance(task, Classify):
            parts.insert(-1, (TEMPLATES / f"join_{written.tokenization}.txt").read_text(encoding="utf-8"))
    imports, body = hoisted(["import json\nfrom pathlib import Path\n", *parts])
    head = (TEMPLATES / "head.txt").read_text(encoding="utf-8")
    usage = next(USAGE[name] for name in names if name in USAGE)
    head = head.format(what=MODELS[to], usage=f"python example.py{usage}", needs=needs, imports=imports)
    text = head.strip("\n")
    for part in body:  # as ruff would have it: two lines around what is indented
        wide = part.startswith("def ") or text.splitlines()[-1].startswith(" ")
        text += ("\n\n\n" if wide else "\n\n") + part
    return text + "\n"


def normalizer(vocab: Vocab) -> str:
    """`normalize(text)`, with dlrun's own source where it is more than a method of str."""
    name = vocab.saved.normalizer
    plain = {"none": "str", "lower": "str.lower"}
    if name in plain:
        return f"normalize = {plain[name]}\n"
    source = inspect.getsource(normalizers.NORMALIZERS[name]).replace(f"def {name}(", "def normalize(")
    source = source.replace("(text: str) -> str:", "(text):")
    named = {each: value for each, value in vars(normalizers).items() if re.search(rf"\b{each}\b", source)}
    marks = [f"{each} = {''.join(value)!r}" for each, value in named.items() if isinstance(value, list)]
    marks += [
        f"{each} = re.compile({value.pattern!r})" for each, value in named.items() if isinstance(value, re.Pattern)
    ]
    text = "\n\n\n".join(["\n".join(marks), source] if marks else [source])
    return ("import re\n\n" if "re." in text else "") + text


def hoisted(parts: list[str]) -> tuple[str, list[str]]:
    """All imports once, those of Python itself first, and what is left of each part."""
    lines: set[str] = set()
    rest = []
    for part in parts:
        own = [line for line in part.splitlines() if line.startswith(("import ", "from "))]
        lines |= set(own)
        rest.append("\n".join(line for line in part.splitlines() if line not in own).strip("\n"))
    standard = sorted((line for line in lines if line.split()[1] in STANDARD), key=order)
    others = sorted(lines - set(standard), key=order)
    return "\n".join([*standard, *([""] if others else []), *others]), [each for each in rest if each]


def order(line: str) -> tuple[bool, str]:
    return line.startswith("from "), line
