"""`dlrun rerun RUN [KEY=VALUE…]`: the same again from its saved config, in a folder of its own."""

from dlrun import console
from dlrun.config import catalogue, own_data
from dlrun.config.outputs import name_of, new_folder
from dlrun.errors import UserError
from dlrun.run.folder import RunDir
from dlrun.terminal.plain import command
from dlrun.verbs.parser import saved_override, verb


def run(argv: list[str]) -> None:
    parser = verb("rerun", "The same again from its saved config, in a new folder; KEY=VALUE changes a value.")
    parser.add_argument("overrides", nargs="*", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args(argv)
    old = RunDir.open(arguments.run)
    summary = old.read_summary()
    typed: list[str] = summary.get("overrides", [])
    values = dict(value_of(text, typed) for text in arguments.overrides)
    if "trusted" in values:
        raise UserError("Code of yours is trusted with --trust PACKAGE here.")

    from dlrun.run import saved, session

    before = old.read_config()
    made = new_folder(name_of(before["choices"], before["data"].get("path")))
    config = saved.open_spec(old, trust=arguments.trust, overrides={"folder": str(made), **values}).config
    config["trusted"] = list(arguments.trust)
    warn_of_other_versions(summary.get("versions", {}), session.versions())
    again = None if own_data.PATHS & values.keys() else old
    new = session.start(
        config,
        merged(typed, arguments.overrides),
        replaceable=False,
        trusted=tuple(arguments.trust),
        again=again,
    ).read_summary()
    if new["data"]["sha256"] != summary.get("data", new["data"])["sha256"]:
        console.warn("the data files are not the ones of the first run: their digests differ")


def value_of(text: str, typed: list[str]) -> tuple[str, object]:
    """A choice such as optim=adam brings values of its own along: that is another run, to be composed anew."""
    key, value = saved_override(text)
    if key in catalogue.GROUPS:
        again = command(*{each.partition("=")[0]: each for each in merged(typed, [text])}.values())
        raise UserError(f"rerun keeps the run's choices, and {key} is one. For another type: {again}")
    return key, value


def merged(before: list[str], after: list[str]) -> list[str]:
    """What was typed for the first run, without what is typed differently now and without its folder."""
    keys = {text.partition("=")[0] for text in after} | {"folder"}
    return [text for text in before if text.lstrip("+").partition("=")[0] not in keys] + after


def warn_of_other_versions(before: dict[str, str], now: dict[str, str]) -> None:
    other = [f"{name} {before[name]} -> {now[name]}" for name in before if now.get(name, before[name]) != before[name]]
    if other:
        console.warn(f"the result may differ, as versions do: {', '.join(other)}")
