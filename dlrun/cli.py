"""argv -> verb. The only sys.exit; an error of ours becomes one readable message, never a traceback."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from types import FrameType

from dlrun import __version__, signals
from dlrun.errors import DlrunError, Stopped, UserError

VERBS = {  # verb -> what it does, in one line; its module is dlrun.verbs.<verb>
    "train": "OVERRIDES: train; the word itself may be left out",
    "resume": "RUN [KEY=VALUE…]: go on exactly where a run stopped; trainer.epochs=20 extends it",
    "eval": "RUN: metrics of a run's model on its val, test or training part",
    "sample": "RUN PROMPT: text from a language model",
    "predict": "RUN INPUT…: a label with probabilities, or a number, for each input",
    "neighbors": "RUN WORD…: the words nearest to a word",
    "analogy": "RUN A B C: A is to B as C is to …",
    "export": "RUN --to word2vec: its word vectors as a file for other programs",
    "runs": "[DIR…]: a table of runs; --where, --sort, --limit, --json, --csv",
    "compare": "RUN RUN…: where their configs differ, and their metrics side by side",
    "rerun": "RUN [KEY=VALUE…]: the same again from its saved config, in a new folder",
    "prune": "[DIR…] --where CONDITION…: remove checkpoints or whole runs; asks first",
    "fetch": "[DATA…]: where every dataset is; with names: get them",
    "list": "every model, data, task, optim …, and which model fits which data",
    "tensorboard": "[DIR]: TensorBoard over outputs/",
}


def main() -> None:
    os.environ["PYTHONSAFEPATH"] = "1"  # processes of ours would import a socket.py that lies in the working folder
    signals.listen(end_at_once)
    sys.exit(exit_code(sys.argv[1:]))


def end_at_once(number: int, frame: FrameType | None) -> None:
    """Until something trains there is nothing to save, and an exception would leave imports half done: torch and numpy

    can't be imported again in one process, and whoever catches it there goes on with a library in pieces.
    """
    signals.tell("interrupted")
    os._exit(128 + number)


def exit_code(argv: list[str]) -> int:
    from dlrun import console, streams  # Rich takes 0.05 s: a signal meanwhile is heard already

    streams.fill_closed_streams()
    try:
        dispatch(argv)
        streams.finish()
        return 0
    except Stopped as stopped:  # as it was asked to: no error
        console.say(str(stopped))
        return stopped.exit_code
    except DlrunError as error:
        console.error(str(error))
        return error.exit_code
    except (KeyboardInterrupt, signals.AtOnce):
        console.error("interrupted")
        return 130
    except BrokenPipeError:  # `dlrun --cfg job | head` closed our output: nothing to say, and nobody to say it to
        streams.finish()
        return 0
    except Exception as bug:
        console.error(disk(bug) or own_bug(bug))
        return 1


def disk(error: Exception) -> str:
    """One line about a kept file that can't be written; "" for any other exception."""
    from dlrun import blame

    if not isinstance(error, OSError) or not blame.writes_ours(error):
        return ""
    where = f"{error.filename} can't be written: " if error.filename else ""
    return f"{where}{error.strerror or error}. Make room or put that right, then type the same again."


def own_bug(bug: Exception) -> str:
    """One line for the person; the traceback goes into a file, for whoever mends it."""
    import tempfile
    import traceback

    what = f"{type(bug).__name__}: {bug}".splitlines()[0]
    try:
        number, path = tempfile.mkstemp(prefix="dlrun-error-", suffix=".log")
        with open(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            traceback.print_exception(bug, file=file)
    except OSError as error:  # a full or read-only place for temporary files
        return f"This is a mistake of dlrun's own, please report it: {what}. No log could be written: {error.strerror}."
    return f"This is a mistake of dlrun's own, please report it: {what}. The traceback is in {path}"


def dispatch(argv: list[str]) -> None:
    first = argv[0] if argv else ""
    if first in ("-h", "--help", "help"):
        import_module("dlrun.verbs.help").run(argv[1:])
    elif first == "--version":
        import_module("dlrun.console").out(f"dlrun {__version__}")
    elif first in ("-sc", "--shell-completion"):
        import_module("dlrun.verbs.train").complete(argv)
    elif first in VERBS:
        import_module(f"dlrun.verbs.{first}").run(argv[1:])
    elif first and "=" not in first and not first.startswith(("-", "+", "~")):
        raise UserError(import_module("dlrun.typed").no_verb(argv, list(VERBS)))
    else:
        import_module("dlrun.verbs.train").run(argv)
