"""Answers to many examples, one by one and in order, as lines, JSON or a file."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from dlrun import console
from dlrun.errors import UserError
from dlrun.run.examples import Given, chunks
from dlrun.store import named
from dlrun.terminal.plain import json_text, visible

if TYPE_CHECKING:
    from dlrun.run.answer import Trained
    from dlrun.task.base import Answer

SUFFIXES = (".csv", ".tsv", ".jsonl")
MOST_COLUMNS = 50  # classes whose probabilities have a column each in a CSV; of more only the likeliest stands there


class Answered(NamedTuple):
    given: Given
    answer: Answer | UserError

    def record(self) -> dict[str, object]:
        """The example's own columns, and what was answered, or the error."""
        if isinstance(self.answer, UserError):
            return {**self.given.row, "error": str(self.answer)}
        if len(self.answer) == 1 and self.answer[0][0] == "value":
            return {**self.given.row, "prediction": self.answer[0][1]}
        if self.answer[0][0] == "value 1":
            return {**self.given.row, **{name.replace("value", "prediction"): value for name, value in self.answer}}
        label, chance = self.answer[0]
        said = {"prediction": label, "probability": chance, "probabilities": dict(self.answer)}
        return {**self.given.row, **said}

    def line(self) -> str:
        if isinstance(self.answer, UserError):
            return named_once(str(self.answer), self.given)
        shown = ", ".join(f"{visible(label)} {console.number(value)}" for label, value in self.answer[:5])
        return f"{visible(self.given.where)}: {shown}"


def answered(trained: Trained, inputs: Sequence[str], *, strict: bool) -> Iterator[Answered]:
    """Each example's answer. One that can't be read is warned of, or with `strict` a UserError."""
    for some in chunks(inputs, trained.task.schema):
        examples = [each.example for each in some if not isinstance(each.example, UserError)]
        answers = iter(trained.predict(examples) if examples else [])
        for given in some:
            answer = given.example if isinstance(given.example, UserError) else next(answers)
            if isinstance(answer, UserError):
                said = named_once(str(answer), given)
                if strict:
                    raise UserError(said)
                console.warn(said)
            yield Answered(given, answer)


def named_once(said: str, given: Given) -> str:
    """Messages about a file or a line of a stream name it themselves."""
    return said if given.where == given.example or said.startswith(given.where) else f"{given.where}: {said}"


def write(path: Path, found: Iterable[Answered], inputs: Sequence[str]) -> tuple[int, int]:
    """All of them into a file, whole or not at all; (how many, how many of them could not be read)."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(f"--to {path}: answers are written to {', '.join(SUFFIXES)}.")
    if any(is_same(path, os.path.expanduser(each)) for each in inputs):
        raise UserError(f"--to {path} is what is read. Name another file.")
    counts = [0, 0]

    def put(file: IO[bytes]) -> None:
        lines = as_json_lines(found, counts) if path.suffix.lower() == ".jsonl" else as_rows(found, counts, path.suffix)
        for line in lines:
            file.write(line.encode("utf-8", "backslashreplace"))  # a file's name may be no UTF-8

    named.replace_typed(path.parent, {path.name: put})
    return counts[0], counts[1]


def is_same(path: Path, typed: str) -> bool:
    """Whether an input that was typed, maybe a text of any length, is this file."""
    return os.path.exists(path) and os.path.exists(typed) and os.path.samefile(path, typed)


def counted(found: Iterable[Answered], counts: list[int]) -> Iterator[dict[str, object]]:
    for each in found:
        counts[0] += 1
        counts[1] += isinstance(each.answer, UserError)
        yield each.record()


def as_json_lines(found: Iterable[Answered], counts: list[int]) -> Iterator[str]:
    for record in counted(found, counts):
        yield f"{json_text(record)}\n"


def as_rows(found: Iterable[Answered], counts: list[int], suffix: str) -> Iterator[str]:
    """Rows of a CSV. The first answer says which columns there are: errors before it wait for it."""
    records = counted(found, counts)
    waiting = []
    for record in records:
        waiting.append(record)
        if "error" not in record:
            break
    columns = columns_of(waiting[-1]) if waiting else []
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter="\t" if suffix.lower() == ".tsv" else ",", lineterminator="\n")
    writer.writerow(columns)
    for record in chain(waiting, records):
        chances = record.get("probabilities")
        flat = {f"p({label})": value for label, value in chances.items()} if isinstance(chances, dict) else {}
        writer.writerow([(record | flat).get(name) for name in columns])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def columns_of(record: dict[str, object]) -> list[str]:
    chances = record.get("probabilities")
    classes = [f"p({label})" for label in sorted(chances)] if isinstance(chances, dict) else []
    names = [name for name in record if name not in ("probabilities", "error")]
    return [*names, *(classes if len(classes) <= MOST_COLUMNS else []), "error"]
