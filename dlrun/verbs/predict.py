"""`dlrun predict RUN INPUT…`: labels with probabilities for a text or an image file, a number for numbers."""

from __future__ import annotations

from dlrun import console
from dlrun.errors import UserError
from dlrun.rundir import RunDir
from dlrun.verbs.parser import verb


def run(argv: list[str]) -> None:
    parser = verb("predict", "An answer for each input: a sentence, an image file, or numbers as in 1,2,3.", json=True)
    parser.add_argument("inputs", nargs="+", metavar="INPUT")
    arguments = parser.parse_args(argv)
    run_dir = RunDir.open(arguments.run)

    from dlrun import session

    _, parts = session.open_parts(run_dir, trust=arguments.trust)
    if not hasattr(parts.task, "predict"):
        raise UserError(f"{run_dir.path} can't predict: its task is {type(parts.task).__name__}.")
    answers = [(text, parts.task.predict(parts.model, text)) for text in arguments.inputs]
    if arguments.json:
        console.json_out([{"input": text, "answers": dict(answer)} for text, answer in answers])
        return
    for text, answer in answers:
        shown = ", ".join(f"{label} {console.number(value)}" for label, value in answer[:5])
        console.out(f"{text}: {shown}")
