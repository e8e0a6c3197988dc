"""`dlrun neighbors RUN WORD…`: the nearest words by the cosine of their vectors."""

from dlrun import console
from dlrun.run.folder import best_checkpoint
from dlrun.verbs.parser import between, verb


def run(argv: list[str]) -> None:
    parser = verb("neighbors", "The words nearest to each word, by cosine.", answers=True, json=True)
    parser.add_argument("words", nargs="+", metavar="WORD")
    parser.add_argument("--k", type=between(1), default=10, help="how many")
    arguments = parser.parse_args(argv)
    found = best_checkpoint(arguments.run)

    from dlrun.run.answer import Trained

    embeddings = Trained.open(*found, arguments.trust).embeddings()
    answers = {
        word: embeddings.nearest(embeddings.vector(word), arguments.k, without=[word]) for word in arguments.words
    }
    if arguments.json:
        console.json_out({word: dict(near) for word, near in answers.items()})
        return
    for word, near in answers.items():
        console.table(word, ["word", "cosine"], [[other, console.number(cosine)] for other, cosine in near])
