"""`dlrun predict RUN INPUT…`: labels with probabilities for a text or an image file, a number for numbers, or a
sentence's translation."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun import console
from dlrun.errors import UserError
from dlrun.run.folder import best_checkpoint
from dlrun.store import kept
from dlrun.terminal import streams
from dlrun.terminal.plain import amount
from dlrun.verbs.parser import between, check_number, verb

if TYPE_CHECKING:
    from dlrun.run.answer import Trained
    from dlrun.task.base import Example
    from dlrun.task.translate import Translate, Translation

BEAM, LENGTH_PENALTY = 4, 0.75
MOST_BEAMS, MOST_PENALTY = 1000, 100.0  # followed up at once; a power of the length


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
        "--length-penalty", type=between(0.0, MOST_PENALTY), help=f"more prefers longer ones; default {LENGTH_PENALTY}"
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
    else:
        lines = as_json_lines(answers, [0, 0]) if "-" in inputs else (each.line() for each in answers)
        for line in lines:
            console.out(line.rstrip("\n"))
            if not streams.is_read("stdout"):  # `| head`: a stream may never end
                return


def records(
    trained: Trained,
    inputs: Sequence[Example | Path],
    *,
    beam: int | None = None,
    length_penalty: float | None = None,
) -> list[dict[str, object]]:
    """For Python: what `--json` prints. Inputs as they are typed, or rows of a table, name -> value."""
    from dlrun.run.answer import understood
    from dlrun.run.answers import Answered, answered
    from dlrun.run.examples import Given, many
    from dlrun.task.translate import Translate

    given: list[Example] = [str(each) if isinstance(each, Path) else each for each in inputs]
    if wrong := [each for each in given if not isinstance(each, str | Mapping)]:
        raise UserError(
            f"{wrong[0]!r} is no input: a text, a path, or a row as a dict is expected. Of a list: predict(*inputs)"
        )
    typed = [each for each in given if isinstance(each, str)]
    if isinstance(trained.task, Translate):
        if len(typed) < len(given):
            raise UserError(f"{trained.where} translates sentences, and a row was given.")
        with understood(trained.where):
            return list(translations(trained, trained.task, typed, *searched(beam, length_penalty)))
    if beam is not None or length_penalty is not None:
        raise UserError(f"beam and length_penalty are for translations; {trained.where} makes none.")
    strict, found, row = not any(map(many, typed)), list[Answered](), 0
    for is_text, some in groupby(given, lambda each: isinstance(each, str)):  # answers stand in the order of inputs
        if is_text:
            found += answered(trained, [str(each) for each in some], strict=strict)
            continue
        rows = [dict(each) for each in some if isinstance(each, Mapping)]
        found += map(
            Answered,
            [Given(f"row {row + place}", each, each) for place, each in enumerate(rows, 1)],
            trained.predict(rows),
        )
        row += len(rows)
    return [each.record() for each in found]


def searched(beam: int | None, length_penalty: float | None) -> tuple[int, float]:
    """Translations followed up, and how much longer ones are preferred. UserError outside of what can be typed."""
    beam, penalty = BEAM if beam is None else beam, LENGTH_PENALTY if length_penalty is None else length_penalty
    check_number("beam", beam, 1, MOST_BEAMS)
    check_number("length_penalty", penalty, 0.0, MOST_PENALTY)
    return beam, penalty


def translations(
    trained: Trained, task: Translate, inputs: Sequence[str], beam: int, penalty: float, *, attention: bool = False
) -> Iterator[dict[str, Any]]:
    """What was found for each sentence, the best first, as it comes. A line that is no text is warned of."""
    from dlrun.run.examples import chunks

    for each in (one for some in chunks(inputs, task.schema) for one in some):
        if isinstance(each.example, UserError):
            console.warn(str(each.example))
            yield {**each.row, "translations": [], "error": str(each.example)}
            continue
        text = str(each.example)
        found = task.translate(trained.model, text, beam=beam, length_penalty=penalty)
        if attention:
            console.say(f"where it looked: {draw(trained.where, found[0])}")
        yield {"input": text, "translations": [as_json(one) for one in found]}


def translate(trained: Trained, task: Translate, arguments: argparse.Namespace) -> None:
    """The best translation of each sentence, line by line; as JSON all that were found."""
    if arguments.to is not None or arguments.strict:
        name = "strict" if arguments.to is None else "to"
        raise UserError(f"--{name} is for predictions; {trained.where} translates. To keep that type > FILE behind it.")
    options = searched(arguments.beam, arguments.length_penalty)
    found = translations(trained, task, arguments.inputs, *options, attention=bool(arguments.attention))
    if arguments.json:
        console.json_out(list(found))
        return
    for each in found:
        console.out(each["translations"][0]["text"] if each["translations"] else "")
        if not streams.is_read("stdout"):
            return


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
