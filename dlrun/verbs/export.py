"""`dlrun export RUN --to word2vec|npy`: word vectors as a file that other programs read."""

from pathlib import Path

from dlrun import console
from dlrun.run.folder import best_checkpoint
from dlrun.store import kept
from dlrun.verbs.parser import verb

NAMES = {"word2vec": "word2vec.txt", "npy": "vectors.npy"}


def run(argv: list[str]) -> None:
    parser = verb("export", "Word vectors as a file.", answers=True)
    parser.add_argument(
        "--to", choices=list(NAMES), required=True, help="word2vec text, or .npy with the words in a .txt beside it"
    )
    parser.add_argument("--output", metavar="FILE", help="default: word2vec.txt or vectors.npy in the run's folder")
    arguments = parser.parse_args(argv)
    found = best_checkpoint(arguments.run)

    import numpy as np

    from dlrun.run.answer import Trained
    from dlrun.text import embeddings

    vectors = Trained.open(*found, arguments.trust).embeddings()
    path = Path(arguments.output or found[0] / NAMES[arguments.to])
    if arguments.to == "npy" and path.suffix != ".npy":
        path = path.with_name(f"{path.name}.npy")
    try:
        if arguments.to == "npy":
            words = "".join(f"{embeddings.one_line(word)}\n" for word in vectors.words)
            kept.replace_text(path.parent, path.with_suffix(".txt").name, words)
            kept.replace(path.parent, path.name, lambda file: np.save(file, vectors.vectors.numpy()))
        else:
            kept.replace(path.parent, path.name, lambda file: embeddings.write_text(file, vectors))
    except OSError as error:
        raise kept.unwritable(path, error) from error
    console.say(f"{len(vectors.words):,} words, {vectors.vectors.shape[1]} numbers each: {path}")
