"""`dlrun analogy RUN A B C`: A is to B as C is to …; the word nearest to b - a + c (book 10.6, Mikolov 2013)."""

from dlrun import console
from dlrun.run.folder import best_checkpoint
from dlrun.verbs.parser import between, verb


def run(argv: list[str]) -> None:
    parser = verb("analogy", "A is to B as C is to …", answers=True, json=True)
    for name in ("a", "b", "c"):
        parser.add_argument(name, metavar=name.upper())
    parser.add_argument("--k", type=between(1), default=5, help="how many")
    arguments = parser.parse_args(argv)
    found = best_checkpoint(arguments.run)

    from dlrun.run.answer import Trained

    embeddings = Trained.open(*found, arguments.trust).embeddings()
    a, b, c = (embeddings.vector(word) for word in (arguments.a, arguments.b, arguments.c))
    near = embeddings.nearest(b - a + c, arguments.k, without=[arguments.a, arguments.b, arguments.c])
    if arguments.json:
        console.json_out(dict(near))
    else:
        title = f"{arguments.a} is to {arguments.b} as {arguments.c} is to"
        console.table(title, ["word", "cosine"], [[word, console.number(cosine)] for word, cosine in near])
