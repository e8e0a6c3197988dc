"""`dlrun schema`: every key of a run's config as a JSON Schema, with help, type, range and default. No torch."""

from dlrun import console
from dlrun.config import catalogue, schema
from dlrun.errors import UserError, nearest
from dlrun.terminal.plain import json_text
from dlrun.verbs.parser import verb


def run(argv: list[str]) -> None:
    parser = verb("schema", "A JSON Schema (draft 2020-12) of all keys of a run's config.", run=False)
    parser.add_argument("--group", metavar="GROUP", help=f"only its part: {', '.join(catalogue.PARTS)}")
    group = parser.parse_args(argv).group
    if group is not None and group not in catalogue.PARTS:
        raise UserError(f"There is no group {group}. {nearest(group, catalogue.PARTS)}")
    console.out(json_text(schema.schema(group), indent=1))
