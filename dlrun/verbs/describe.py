"""`dlrun describe DATA`: what would be read, before anything trains; the words are those of a training command."""

from dlrun import console
from dlrun.config import catalogue, compose
from dlrun.config.compose import Composer
from dlrun.config.typed import names_data
from dlrun.errors import UserError
from dlrun.verbs.parser import verb

NAMES = ("data", "model", "experiment")  # what brings data along


def run(argv: list[str]) -> None:
    """Nothing is trained and nothing written, but for data that was got or prepared."""
    if {"-h", "--help"} & set(argv):
        parser = verb("describe", "What would be read of a file, a folder or a dataset.", run=False, json=True)
        parser.add_argument("data", metavar="DATA", help="a file, a folder, or a dataset's name; as data=… does")
        parser.add_argument("words", nargs="*", metavar="KEY=VALUE", help="as of a training command")
        parser.parse_args(["--help"])
    words = [f"data={argv[0]}", *argv[1:]] if argv and is_bare(argv[0]) else argv
    if not any(word.lstrip("+").partition("=")[0] in NAMES for word in words):
        names = ", ".join(catalogue.choices("data"))
        raise UserError(f"Which data? Type dlrun describe FILE, FOLDER, or one of: {names}")
    command = compose.read(words)
    if command.shown or command.flags.multirun or command.flags.dry_run:
        raise UserError("dlrun describe looks at one dataset: leave -m, --dry-run, --cfg and the like out.")
    composed = Composer(command).one()

    from dlrun.config import assemble
    from dlrun.describe import record, show

    found = record.describe(assemble.check(composed.config), replaceable=not names_data(composed.overrides))
    if command.flags.json:
        console.json_out(found.values())
    else:
        show.show(found)


def is_bare(word: str) -> bool:
    return "=" not in word and not word.startswith(("-", "+", "~"))
