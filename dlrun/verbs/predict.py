"""`dlrun predict RUN INPUT…`: labels with probabilities for a text or an image file, a number for numbers, or a
sentence's translation."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun import console
from dlrun.errors import UserError
from dlrun.run.folder import best_checkpoint
from dlrun.store import kept
from dlrun.terminal.plain import amount
from dlrun.verbs.parser import between, verb

if TYPE_CHECKING:
    from dlrun.run.answer import Trained
    from dlrun.task.base import Example
    from dlrun.task.translate import Translate, Translation

BEAM, LENGTH_PENALTY = 4, 0.75
MOST_BEAMS = 1000  # followed up at once


def parsed(argv: list[str]) -> argparse.Namespace:
    parser = verb(
        "predict",
        "An answer for each input: a sentence, a picture, numbers as in 1,2,3, a row of a table; or for many of them: "
        "a file (.csv, .tsv, .parquet, .jsonl), a folder, or - for standard input.",
        answers=True,
        json=True,
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT")
    parser.add_argument("--to", metavar="FILE", help="write answers beside their rows into a .csv, .tsv or .jsonl")
    parser.add_argument("--strict", action="store_true", help="stop at an example that can't be read")
    ours = parser.add_argument_group("translation")
    ours.add_argument(
        "--beam", type=between(1, MOST_BEAMS), help=f"translations followed up; 1: greedy; default {BEAM}"
    )
    ours.add_argument(
        "--length-penalty", type=between(0.0, 100.0), help=f"more prefers longer ones; default {LENGTH_PENALTY}"
    )
    ours.add_argument(
        "--attention", action="store_true", default=None, help="also draw where it looked, in the run's folder"
    )
    return parser.parse_args(argv)


def run(argv: list[str]) -> None:
    arguments = parsed(argv)
    found = best_checkpoint(arguments.run)

    from dlrun.run.answer import Trained, understood
    from dlrun.task.translate import Translate

    trained = Trained.open(*found, arguments.trust)
    task = trained.task
    if isinstance(task, Translate):
        with understood(trained.where):
            translate(trained, task, arguments)
        return
    if given := [name for name in ("beam", "length_penalty", "attention") if getattr(arguments, name) is not None]:
        raise UserError(f"--{given[0].replace('_', '-')} is for translations; {trained.where} makes none.")
    predict(trained, arguments)


def predict(trained: Trained, arguments: argparse.Namespace) -> None:
    """One of several examples that can't be read is named and the others go on; the only one is a mistake."""
    from dlrun.run.answers import answered, as_json_lines, write
    from dlrun.run.examples import many

    inputs: list[str] = arguments.inputs
    strict = arguments.strict or not any(many(each) for each in inputs)
    answers = answered(trained, inputs, strict=strict)
    if arguments.to is not None:
        count, bad = write(Path(os.path.expanduser(arguments.to)), answers, inputs)
        console.say(f"{amount(count, 'answer')}{f', {bad:,} with an error' if bad else ''}: {arguments.to}")
    elif arguments.json:
        console.json_out([each.record() for each in answers])
    elif "-" in inputs:
        for line in as_json_lines(answers, [0, 0]):
            console.out(line.rstrip("\n"))
    else:
        for each in answers:
            console.out(each.line())


def records(
    trained: Trained,
    inputs: Sequence[Example],
    *,
    beam: int | None = None,
    length_penalty: float | None = None,
) -> list[dict[str, object]]:
    """For Python: what `--json` prints. Inputs as they are typed, or rows of a table, name -> value."""
    from dlrun.run.answer import understood
    from dlrun.run.answers import Answered, answered
    from dlrun.run.examples import Given, chunks, many
    from dlrun.task.translate import Translate

    typed, task = [each for each in inputs if isinstance(each, str)], trained.task
    rows = [dict(each) for each in inputs if isinstance(each, Mapping)]
    if len(typed) + len(rows) < len(inputs):
        odd = next(each for each in inputs if not isinstance(each, str | Mapping))
        raise UserError(f"{odd!r} is no input: a text, the name of a file, or a row of a table as a dict is expected.")
    if isinstance(task, Translate):
        width, penalty = beam or BEAM, LENGTH_PENALTY if length_penalty is None else length_penalty
        sentences = [str(each.example) for some in chunks(typed, task.schema) for each in some]
        with understood(trained.where):
            found = [task.translate(trained.model, text, beam=width, length_penalty=penalty) for text in sentences]
        pairs = zip(sentences, found, strict=True)
        return [{"input": text, "translations": [as_json(each) for each in every]} for text, every in pairs]
    if beam is not None or length_penalty is not None:
        raise UserError(f"beam and length_penalty are for translations; {trained.where} makes none.")
    given = [Given(f"row {place}", row, row) for place, row in enumerate(rows, 1)]
    of_rows = [Answered(*each) for each in zip(given, trained.predict(rows), strict=True)] if rows else []
    strict = not any(many(each) for each in typed)
    return [each.record() for each in (*answered(trained, typed, strict=strict), *of_rows)]


def translate(trained: Trained, task: Translate, arguments: argparse.Namespace) -> None:
    """The best translation of each sentence; as JSON all that were found."""
    beam: int = BEAM if arguments.beam is None else arguments.beam
    penalty: float = LENGTH_PENALTY if arguments.length_penalty is None else arguments.length_penalty
    from dlrun.run.examples import chunks

    answers = []
    sentences = [str(each.example) for some in chunks(arguments.inputs, task.schema) for each in some]
    for text in sentences:
        found = task.translate(trained.model, text, beam=beam, length_penalty=penalty)
        if arguments.attention:
            console.say(f"where it looked: {draw(trained.where, found[0])}")
        if not arguments.json:
            console.out(found[0].text)
        answers.append({"input": text, "translations": [as_json(each) for each in found]})
    if arguments.json:
        console.json_out(answers)


def as_json(found: Translation) -> dict[str, object]:
    weights = None if found.weights is None else found.weights.tolist()
    return {"text": found.text, "score": found.score, "source": found.source, "attention": weights}


def draw(where: Path, found: Translation) -> Path:
    """attention/<the sentence>.png in the run's folder, or beside the checkpoint."""
    from dlrun.draw.alignment import drawn

    if found.weights is None:
        raise UserError(f"{where} has no attention. Train one that has: dlrun model=seq2seq")
    name = "-".join(word.strip() for word in found.source if word.strip().isalnum())[:80] or "sentence"
    picture = drawn(found.weights, found.source, [*found.words, found.source[-1]])
    folder = where if where.is_dir() else where.parent
    try:
        kept.make_folder(folder, "attention")
        kept.replace(folder, f"attention/{name}.png", lambda file: picture.save(file, "PNG"))
    except OSError as error:
        raise kept.unwritable(folder / "attention" / f"{name}.png", error) from error
    return folder / "attention" / f"{name}.png"
