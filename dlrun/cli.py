"""argv -> verb. The only sys.exit; an error of ours becomes one readable message, never a traceback."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from dlrun import __version__, console
from dlrun.errors import DlrunError, UserError, nearest

VERBS = {  # verb -> what it does, in one line; its module is dlrun.verbs.<verb>
    "train": "OVERRIDES: train; the word itself may be left out",
    "resume": "RUN [KEY=VALUE…]: go on exactly where a run stopped; trainer.epochs=20 extends it",
    "eval": "RUN: metrics of a run's model on its val, test or training part",
    "sample": "RUN PROMPT: text from a language model",
    "predict": "RUN INPUT…: a label with probabilities, or a number, for each input",
    "neighbors": "RUN WORD…: the words nearest to a word",
    "analogy": "RUN A B C: A is to B as C is to …",
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
    sys.exit(exit_code(sys.argv[1:]))


def exit_code(argv: list[str]) -> int:
    try:
        dispatch(argv)
    except DlrunError as error:
        console.error(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        console.error("interrupted")
        return 130
    except BrokenPipeError:  # `dlrun runs | head` closed our output: nothing to say, and nobody to say it to
        sys.stderr.close()
        return 0
    return 0


def dispatch(argv: list[str]) -> None:
    first = argv[0] if argv else ""
    if first in ("-h", "--help", "help"):
        import_module("dlrun.verbs.help").run(argv[1:])
    elif first == "--version":
        console.out(f"dlrun {__version__}")
    elif first in ("-sc", "--shell-completion"):
        import_module("dlrun.compose").complete(argv)
    elif first in VERBS:
        import_module(f"dlrun.verbs.{first}").run(argv[1:])
    elif first and "=" not in first and not first.startswith(("-", "+", "~")):
        raise UserError(f"There is no verb {first}. {nearest(first, VERBS)} To train, type KEY=VALUE: dlrun model=lstm")
    else:
        import_module("dlrun.verbs.train").run(argv)
