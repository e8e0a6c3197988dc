"""A saved run, opened again: its config checked, its parts built, its weights loaded."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dlrun import __version__, console
from dlrun.config import assemble, catalogue, renamed
from dlrun.config.assemble import Components, RunSpec
from dlrun.config.own_data import PATHS as OWN_PATHS
from dlrun.errors import UserError, is_newer, nearest
from dlrun.files import own
from dlrun.run.evaluate import load_weights
from dlrun.run.folder import RunDir
from dlrun.store.kept import Unreadable
from dlrun.terminal.plain import command


def open_spec(run: RunDir, *, trust: Sequence[str] = (), overrides: dict[str, object] | None = None) -> RunSpec:
    """The checked parts of a saved run. Its own word on `trusted` is never believed: the user says it again."""
    config = dict(run.read_config())
    check_shape(run, config)
    if taken := catalogue.fill_in(config):
        console.say(f"{run.path} is older than {', '.join(taken)}: today's values are taken")
    for key, value in (overrides or {}).items():
        set_key(config, key, value)
    try:
        return assemble.check(config, trusted=trust)
    except UserError as error:
        made_with = run.read_summary().get("versions", {}).get("dlrun", "")
        if is_newer(made_with, __version__):
            raise UserError(
                f"{error} The run was made with dlrun {made_with}, and this is dlrun {__version__}: update dlrun."
            ) from error
        raise


def check_shape(run: RunDir, config: dict[str, object]) -> None:
    """UserError for a config that lacks what every run has. Groups that came later are filled in."""
    needed = {"seed", "batch_size", "stand_in", "trusted", "folder", *assemble.GROUPS} - {"init"}
    if missing := sorted(needed - set(config)):
        raise UserError(f"{run.path}/config.yaml has no {missing[0]}: it is not a run's config of this dlrun.")


def set_key(config: dict[str, object], key: str, value: object) -> None:
    """Sets `trainer.epochs`; a key that the run does not have is a mistake, never ignored."""
    node: object = config
    *path, name = key.split(".")
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
    if not isinstance(node, dict) or name not in node:
        if said := renamed.new_name(key):
            raise UserError(said)
        raise UserError(f"The run has no key {key}. {nearest(name, node if isinstance(node, dict) else config)}")
    if isinstance(node[name], dict):
        keys = ", ".join(f"{key}.{each}=…" for each in list(node[name])[:3])
        raise UserError(f"{key} is a group of keys. Type one of them: {keys}")
    node[name] = value


def open_components(
    run: RunDir, *, checkpoint: str = "best", trust: Sequence[str] = (), overrides: dict[str, object] | None = None
) -> tuple[RunSpec, Components]:
    """A run's data, task and trained model, ready to answer."""
    spec = open_spec(run, trust=trust, overrides=overrides)
    state = run.load_checkpoint(checkpoint)
    if state is None:
        raise UserError(
            f"{run.path} has no checkpoint {checkpoint}.pt yet. Train it further: {command('resume', run.path)}"
        )
    with silent_on_others(run, spec, typed=overrides or ()):
        parts = assemble.build_components(spec)
    check_data(run, parts, typed=overrides or ())
    load_weights(parts.model, state)
    parts.model.eval()
    return spec, parts


def check_data(run: RunDir, parts: Components, *, typed: Iterable[str] = ()) -> None:
    """Says so when the files are not those the run was trained on, or when that can't be known.

    UserError for files of the user's own that are others: a run's config may come from anybody and name any file here.
    Whoever types data.path=… with the verb means that file as it is.
    """
    before = digests(run)
    now: dict[str, str] = parts.data.sha256
    if now and sorted(now.values()) != sorted(before.values()) and OWN_PATHS.isdisjoint(typed):
        other = next((name for name, digest in now.items() if digest not in before.values()), next(iter(now)))
        raise another(other, run)
    if before and before != parts.data_facts["sha256"]:
        console.warn("the data files are not the ones this run was trained on: their digests differ")


def digests(run: RunDir) -> dict[str, str]:
    try:
        return run.read_summary().get("data", {}).get("sha256") or {}
    except Unreadable as error:
        console.warn(str(error))
        return {}


def another(name: str, run: RunDir) -> UserError:
    return UserError(
        f"{name} is not the file that {run.path} was trained on: its digest differs. "
        "If it is meant all the same, type its place again, as in data.path=FILE"
    )


@contextmanager
def silent_on_others(run: RunDir, spec: RunSpec, *, typed: Iterable[str] = ()) -> Iterator[None]:
    """Around reading a run's data: of a file that it was not trained on, what is wrong says nothing of what is in it.

    Readers name columns and values in their messages. A digest is made only where there is such a message.
    """
    try:
        yield
    except UserError:
        if not OWN_PATHS.isdisjoint(typed):
            raise
        data = spec.config["data"]
        named = [data.get(key.removeprefix("data.")) for key in sorted(OWN_PATHS)] if isinstance(data, dict) else []
        for path in (Path(each) for each in named if isinstance(each, str)):
            if path.is_file() and own.digest_of(path) not in digests(run).values():
                raise another(path.name, run) from None
        raise
