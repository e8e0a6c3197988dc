"""`dlrun sample RUN PROMPT`: text from a language model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlrun import console
from dlrun.errors import UserError
from dlrun.run.folder import best_checkpoint
from dlrun.verbs.parser import between, check_number, verb

if TYPE_CHECKING:
    from dlrun.run.answer import Trained

LONGEST = 1_000_000  # tokens


def run(argv: list[str]) -> None:
    parser = verb("sample", "Text from a language model, after a prompt.", answers=True, json=True)
    parser.add_argument("prompt", metavar="PROMPT")
    parser.add_argument("--length", type=between(1, LONGEST), default=100, help="tokens to write")
    parser.add_argument("--temperature", type=between(0.0), default=0.8, help="0: always the likeliest token")
    parser.add_argument("--top-k", type=between(1), help="draw from the K likeliest tokens only")
    parser.add_argument("--seed", type=between(-(2**63)), default=0)
    arguments = parser.parse_args(argv)
    found = best_checkpoint(arguments.run)
    if not arguments.prompt.strip():
        raise UserError("The prompt is empty. Type a few words of your own in quotes after the run.")

    from dlrun.run.answer import Trained

    options = {key: getattr(arguments, key) for key in ("length", "temperature", "top_k", "seed")}
    written = text(Trained.open(*found, arguments.trust), arguments.prompt, **options)
    if arguments.json:
        console.json_out({"prompt": arguments.prompt, "text": written})
    else:
        console.out(written)


def text(
    trained: Trained, prompt: str, *, length: int, temperature: float, top_k: int | None = None, seed: int = 0
) -> str:
    """The prompt and `length` tokens behind it. UserError for a model that can't write."""
    from dlrun.run.answer import understood
    from dlrun.task.base import Generator

    check_number("length", length, 1, LONGEST)
    check_number("temperature", temperature, 0.0)
    check_number("seed", seed, -(2**63))
    if top_k is not None:
        check_number("top_k", top_k, 1)
    task = trained.task
    if not isinstance(task, Generator):
        raise UserError(f"{trained.where} is no language model: it can't write. Its task: {type(task).__name__}.")
    with understood(trained.where):
        return task.sample(trained.model, prompt, length=length, temperature=temperature, top_k=top_k, seed=seed)
