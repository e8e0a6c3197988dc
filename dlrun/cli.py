"""argv -> verb. The only sys.exit; an error of ours becomes one readable message, never a traceback."""

import os
import sys
from importlib import import_module
from types import FrameType

from dlrun import __version__
from dlrun.errors import DlrunError, Stopped, UserError
from dlrun.run import signals
from dlrun.store import unfinished
from dlrun.verbs import VERBS


def main() -> None:
    os.environ["PYTHONSAFEPATH"] = "1"  # processes of ours would import a socket.py that lies in the working folder
    signals.listen(end_at_once)
    sys.exit(exit_code(sys.argv[1:]))


def end_at_once(number: int, frame: FrameType | None) -> None:
    """Until something trains there is nothing to save, and an exception would leave imports half done: torch and numpy

    can't be imported again in one process, and whoever catches it there goes on with a library in pieces.
    """
    unfinished.remove()
    signals.tell("interrupted")
    signals.say_last()
    os._exit(128 + number)


def exit_code(argv: list[str]) -> int:
    from dlrun import console  # Rich takes 0.05 s: a signal meanwhile is heard already
    from dlrun.terminal import streams

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
    from dlrun.run import blame

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
    try:
        os.getcwd()
    except OSError as error:  # torch would not load there, and say something else
        raise UserError("The working folder is gone, or closed to you. Go to another one: cd ~") from error
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
        raise UserError(import_module("dlrun.config.typed").no_verb(argv, list(VERBS)))
    else:
        import_module("dlrun.verbs.train").run(argv)
