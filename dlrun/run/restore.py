"""Where a run goes on from: its newest whole checkpoint, and what is said when that is not the last one."""

from collections.abc import Sequence

from dlrun import console
from dlrun.errors import UserError
from dlrun.optim.base import judged
from dlrun.run import checkpoint
from dlrun.run.folder import RunDir
from dlrun.run.trainer import Trainer
from dlrun.terminal.plain import command


def newest(run: RunDir, chosen: str | None, *, drawn: bool) -> tuple[str, dict[str, object] | None, list[str]]:
    """Its name, its content, and what is wrong with newer ones; or the one that was `chosen`.

    None for the content of a run that was killed before its first checkpoint: step 0 loses nothing where its weights
    were `drawn`. Those of another run are not asked for again: config.yaml may be anybody's.
    """
    if chosen:
        state = run.load_checkpoint(chosen)
        if state is None:
            raise UserError(f"{run.path} has no checkpoint {chosen}.pt.")
        return chosen, state, []
    there = any(run.has_checkpoint(name) for name in checkpoint.NEWEST_FIRST)
    if not there and not run.read_summary().get("step"):
        if not drawn:
            anew = command("rerun", run.path)
            raise UserError(f"{run.path} has no checkpoint, and only a new run takes trainer.init_from. Type {anew}")
        return "last", None, []
    return checkpoint.newest(run.path)


def say_what_is_lost(name: str, damaged: Sequence[str], step: int) -> None:
    for each in damaged:
        console.warn(each)
    if damaged:
        console.warn(f"going on from {name}.pt instead: what was trained after step {step:,} is trained again")


def check_best(trainer: Trainer) -> None:
    """Looks at best.pt when a run goes on, not at its end. Without it the best is counted anew from here."""
    state = trainer.state
    if state.best is None:
        return
    try:
        lost = "" if trainer.run.load_checkpoint("best") else "is gone."
    except UserError as error:
        lost = f"can't be used: {error}"
    if not lost:
        return
    console.warn(f"best.pt, of step {state.best_step:,}, {lost} From here on the best is counted anew.")
    state.best, state.stale = None, 0
    if state.evaluated == state.step and trainer.goal_tag in state.metrics:
        with judged(trainer.optim):
            loss = state.metrics.get(f"{trainer.goal_split}/loss")
            if state.note_best(state.metrics[trainer.goal_tag], trainer.mode, loss):
                trainer.keep_best()
