"""`dlrun predict RUN INPUT…`: labels with probabilities for a text or an image file, a number for numbers, or a
sentence's translation."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun import console
from dlrun.errors import UserError
from dlrun.run.folder import best_checkpoint
from dlrun.store import kept
from dlrun.verbs.parser import between, verb

if TYPE_CHECKING:
    from dlrun.run.answer import Trained
    from dlrun.task.translate import Translate, Translation

BEAM, LENGTH_PENALTY = 4, 0.75
MOST_BEAMS = 1000  # followed up at once


def parsed(argv: list[str]) -> argparse.Namespace:
    parser = verb(
        "predict",
        "An answer for each input: a sentence, an image file, or numbers as in 1,2,3.",
        answers=True,
        json=True,
    )
    parser.add_argument("inputs", nargs="+", metavar="INPUT")
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
    from dlrun.task.base import Predictor
    from dlrun.task.translate import Translate

    trained = Trained.open(*found, arguments.trust)
    task = trained.task
    if isinstance(task, Translate):
        with understood(trained.where):
            translate(trained, task, arguments)
        return
    if given := [name for name in ("beam", "length_penalty", "attention") if getattr(arguments, name) is not None]:
        raise UserError(f"--{given[0].replace('_', '-')} is for translations; {trained.where} makes none.")
    if not isinstance(task, Predictor):
        raise UserError(f"{trained.where} can't predict: its task is {type(task).__name__}.")
    with understood(trained.where):
        answers = [(text, task.predict(trained.model, text)) for text in arguments.inputs]
    if arguments.json:
        console.json_out([{"input": text, "answers": dict(answer)} for text, answer in answers])
        return
    for text, answer in answers:
        shown = ", ".join(f"{label} {console.number(value)}" for label, value in answer[:5])
        console.out(f"{text}: {shown}")


def translate(trained: Trained, task: Translate, arguments: argparse.Namespace) -> None:
    """The best translation of each sentence; as JSON all that were found."""
    beam: int = BEAM if arguments.beam is None else arguments.beam
    penalty: float = LENGTH_PENALTY if arguments.length_penalty is None else arguments.length_penalty
    answers = []
    for text in arguments.inputs:
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
