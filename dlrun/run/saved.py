"""A saved run, opened again: its config checked, its parts built, its weights loaded."""

from collections.abc import Sequence

from dlrun import __version__, console
from dlrun.config import assemble, catalogue, renamed
from dlrun.config.assemble import Components, RunSpec
from dlrun.errors import UserError, is_newer, nearest
from dlrun.run.evaluate import load_weights
from dlrun.run.folder import RunDir
from dlrun.store.kept import Unreadable
from dlrun.terminal.plain import command


def open_spec(run: RunDir, *, trust: Sequence[str] = (), overrides: dict[str, object] | None = None) -> RunSpec:
    """The checked parts of a saved run. Its own word on `trusted` is never believed: the user says it again."""
    config = run.read_config()
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


def open_components(run: RunDir, *, checkpoint: str = "best", trust: Sequence[str] = ()) -> tuple[RunSpec, Components]:
    """A run's data, task and trained model, ready to answer."""
    spec = open_spec(run, trust=trust)
    state = run.load_checkpoint(checkpoint)
    if state is None:
        raise UserError(
            f"{run.path} has no checkpoint {checkpoint}.pt yet. Train it further: {command('resume', run.path)}"
        )
    parts = assemble.build_components(spec)
    warn_of_other_data(run, parts)
    load_weights(parts.model, state)
    parts.model.eval()
    return spec, parts


def warn_of_other_data(run: RunDir, parts: Components) -> None:
    """Says so when the files are not those the run was trained on, or when that can't be known."""
    try:
        before = run.read_summary().get("data", {}).get("sha256")
    except Unreadable as error:
        console.warn(str(error))
        return
    if before and before != parts.data_facts["sha256"]:
        console.warn("the data files are not the ones this run was trained on: their digests differ")
