"""What is typed about data of the user's own, made whole before Hydra reads it. No torch.

`data=houses.csv` becomes data=table data.path=…; paths become absolute, as a run goes on from anywhere; where no model
or task was typed, those are added that fit what is there.
"""

import csv
import os
import re
from collections.abc import Sequence
from pathlib import Path

from dlrun.config import catalogue, typed
from dlrun.errors import UserError
from dlrun.files import own, transport

PATHS = {"data.path", "data.val_path", "data.test_path", "data.target_path"}
TABLES = (".csv", ".tsv", ".tab", ".parquet", ".pq", ".jsonl", ".ndjson")
ARRAYS = (".npz", ".npy", ".pt", ".pth", ".safetensors")
REPORTED = {  # of one's own data: what people expect
    "regress": {"task.metrics": "[mse,mae,r2]", "task.units": "own"},
    "classify": {"task.metrics": "[accuracy,f1,auc,log_loss]"},
    "classify_images": {"task.metrics": "[accuracy,f1]"},
    "classify_texts": {"task.metrics": "[accuracy,f1]"},
}
HEAD = 64_000  # bytes of a file that are looked at


def expanded(argv: Sequence[str]) -> list[str]:
    """The command line with what was left out about own data; any other is answered as it is."""
    words = [part for word in argv for part in with_reader(word, argv)]
    said = {key.lstrip("+"): value for key, equals, value in (word.partition("=") for word in words) if equals}
    name = said.get("data", "")
    check_keys(name, said, argv)
    if name not in catalogue.choices("data") or not catalogue.home_model(name):
        return words
    words = [with_absolute(word) for word in words]
    if "experiment" not in said:
        task = said.get("task") or told_task(name, said)
        words += [f"task={task}"] if task and "task" not in said else []
        words += [] if "model" in said else [f"model={catalogue.home_model(name, task)}"]
        asked = task or catalogue.home(name, group="data").get("task", "")
        words += [f"{key}={value}" for key, value in REPORTED.get(asked, {}).items() if key not in said]
    return words


def check_keys(name: str, said: dict[str, str], argv: Sequence[str]) -> None:
    """UserError for a key of own data that was typed without `data.`, or without saying which reader."""
    path = next((key for key in said if key in PATHS), "")
    if path and not name and not any("experiment" in word or word.startswith(("--config", "-c")) for word in argv):
        file = said[path] if path == "data.path" else "FILE"
        raise UserError(
            f"{path} is for data of your own. Type data={file} in its place, or one of "
            f"{', '.join(f'data={reader}' for reader in readers())} beside it"
        )
    if name in readers():
        bare = [
            key for key in said if key in catalogue.read("data", name) and key not in catalogue.loaded("", "config")
        ]
        if bare := [key for key in bare if key not in catalogue.GROUPS]:
            raise UserError(f"There is no key {bare[0]}. Type data.{bare[0]}={said[bare[0]]}")


def readers() -> list[str]:
    return [name for name in catalogue.choices("data") if catalogue.home_model(name)]


def with_absolute(word: str) -> str:
    """data.path=houses.csv -> data.path=/home/me/houses.csv"""
    key, _, value = word.partition("=")
    if key.lstrip("+") not in PATHS or value in ("", "null"):
        return word
    names = [value] if "," not in value or os.path.exists(unquoted(value)) else value.split(",")  # of a sweep
    return f"{key}={','.join(as_word(absolute(unquoted(name))) for name in names)}"


def absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value


def as_word(value: str) -> str:
    return value if re.fullmatch(r"[\w./-]+", value, re.ASCII) else typed.quoted(value)


# which reader


def with_reader(word: str, argv: Sequence[str]) -> list[str]:
    """data=houses.csv -> data=table, data.path=houses.csv; any other word is answered as it is."""
    key, _, value = word.partition("=")
    if key != "data" or not unquoted(value) or is_choice(unquoted(value), argv):
        return [word]
    value = unquoted(value)
    path = Path(os.path.expanduser(value))
    if "," in value and not there(value) and all(map(there, value.split(","))):
        return of_several(value.split(","), argv)
    if not (there(value) or "/" in value or path.suffix.lower() in (*TABLES, *own.TEXTS, *ARRAYS, *own.PICTURES)):
        return [word]
    if any("data.path=" in each for each in argv):
        raise UserError(f"{word} names a file, and data.path=… does, too. Type one of them.")
    found = own.there(value, "data")
    said = [each.partition("=")[0] for each in argv]
    reader = reader_of_folder(found) if found.is_dir() else reader_of_file(found, said)
    return [f"data={reader}", f"data.path={as_word(value)}"]


def there(value: str) -> bool:
    return os.path.exists(os.path.expanduser(value))


def of_several(values: Sequence[str], argv: Sequence[str]) -> list[str]:
    """data=a.csv,b.csv of a sweep -> data=table, data.path=a.csv,b.csv. UserError for files of several readers."""
    found = [with_reader(f"data={value}", argv) for value in values]
    if len(several := sorted({reader for reader, _ in found})) > 1:
        raise UserError(f"data={','.join(values)} are for several readers: {', '.join(several)}. Sweep over one.")
    return [found[0][0], f"data.path={','.join(path.partition('=')[2] for _, path in found)}"]


def is_choice(value: str, argv: Sequence[str]) -> bool:
    """Whether a YAML of that name is there, dlrun's or in the --config-dir; several are a sweep's."""
    names = value.split(",")
    folders = [after for flag, after in zip(argv, argv[1:], strict=False) if flag in ("--config-dir", "-cd")]
    folders += [each.partition("=")[2] for each in argv if each.startswith("--config-dir=")]
    known = catalogue.choices("data")
    return all(name in known or any(os.path.exists(f"{each}/data/{name}.yaml") for each in folders) for name in names)


def reader_of_file(path: Path, said: Sequence[str]) -> str:
    suffix = path.suffix.lower()
    if suffix in own.TEXTS:
        return "text"
    if suffix in ARRAYS:
        return "arrays"
    if suffix not in TABLES:
        raise UserError(
            f"data={path}: which kind of file is it? Type data=table, images, text, labelled, pairs or arrays, "
            f"and data.path={path}"
        )
    if "data.text" in said:
        return "labelled"
    return reader_of_rows(path, target="data.target" in said) if suffix in (".csv", ".tsv", ".tab") else "table"


def reader_of_rows(path: Path, *, target: bool) -> str:
    """A CSV of pictures and their labels, of pairs of sentences where no target was typed, or else a table."""
    with own.readable(path), transport.opened(path) as file:
        lines = file.read(HEAD).decode(errors="replace").splitlines()[:5]
    delimiter = "\t" if "\t" in "".join(lines) else max(",;|", key="".join(lines[:1]).count)
    rows = list(csv.reader(lines, delimiter=delimiter))
    pictures = [each for row in rows if 1 < len(row) < 5 for each in row if each.lower().endswith(own.PICTURES)]
    if pictures and (not target or os.path.exists(path.parent / pictures[0])):
        return "images"
    if target:
        return "table"
    names = {name.strip().lower() for name in rows[0]} if rows else set()
    if names & set(own.TEXT_COLUMNS) and names & set(own.LABEL_COLUMNS):
        return "labelled"
    if rows and all(len(row) in (2, 3) and all(map(is_sentence, row[:2])) for row in rows[1:] or rows):
        return "pairs"
    return "table"


def is_sentence(field: str) -> bool:
    return " " in field or field[-1:] in tuple(".?!…。？！")


def reader_of_folder(path: Path) -> str:
    """That of pictures or texts, those in folders of classes first."""
    seen: set[tuple[bool, str]] = set()
    others: list[str] = []
    count = 0
    for inner, file in own.some_below(path):
        count += 1
        suffix = os.path.splitext(file)[1].lower()
        kind = "images" if suffix in own.PICTURES else "texts" if suffix in own.TEXTS else ""
        if (inner, kind) == (True, "images"):
            return "images"
        seen.add((inner, kind))
        if suffix in (*TABLES, *ARRAYS) and len(others) < 3:
            others.append(file)
    readers = {(True, "texts"): "labelled", (False, "images"): "images", (False, "texts"): "text"}
    for place, reader in readers.items():
        if place in seen:
            return reader
    among = f" among the {count:,} files that were looked at" if count >= own.ENOUGH else ""
    table = as_word(others[0]) if others else "FILE.csv"
    raise UserError(
        f"data={path}: the folder has no pictures and no texts{among}. Pictures lie in one folder for each class, "
        f"texts with labels as well; a table is one file: data={table} data.target=COLUMN"
    )


# which task


def told_task(name: str, said: dict[str, str]) -> str:
    """What own data asks for; "" where its YAML says it, or its reader will find something wrong."""
    typed_keys = {key: unquoted(value) for key, value in said.items() if key.startswith("data.") and value != "null"}
    given = {key.removeprefix("data."): value for key, value in typed_keys.items()}
    if name == "arrays" and "path" in given:
        from dlrun.tabular import arrays

        first = [given[key].split(",")[0] if key in given else None for key in ("path", "target_path", "x", "y")]
        return arrays.told_task(str(first[0]), *first[1:])
    if name != "table" or not ("path" in given and "target" in given):
        return ""
    from dlrun.tabular.columns import is_class
    from dlrun.tabular.read import read

    table = read(own.file(given["path"].split(",")[0], "data.path"), given.get("encoding"))
    columns = table.frame.columns
    targets = [given["target"]] if given["target"] in columns else given["target"].split(",")  # of a sweep
    if not set(targets) <= set(columns):
        return ""
    tasks = {"classify" if is_class(table.frame[target]) else "regress" for target in targets}
    if len(tasks) > 1:
        raise UserError(
            f"data.target={given['target']}: some are classes and others numbers. Sweep over each on its own."
        )
    return tasks.pop()
