"""`dlrun neighbors RUN WORD…`: the nearest words by the cosine of their vectors."""

from __future__ import annotations

from dlrun import console
from dlrun.verbs.parser import between, verb


def run(argv: list[str]) -> None:
    parser = verb("neighbors", "The words nearest to each word, by cosine.", json=True)
    parser.add_argument("words", nargs="+", metavar="WORD")
    parser.add_argument("--k", type=between(1), default=10, help="how many")
    arguments = parser.parse_args(argv)

    from dlrun.words import WordSpace

    space = WordSpace.open(arguments.run, arguments.trust)
    found = {word: space.nearest(space.vector(word), arguments.k, without=[word]) for word in arguments.words}
    if arguments.json:
        console.json_out({word: dict(near) for word, near in found.items()})
        return
    for word, near in found.items():
        console.table(word, ["word", "cosine"], [[other, console.number(cosine)] for other, cosine in near])
