"""dlrun from Python: the words of the command line, with results as objects and mistakes as exceptions.

    import dlrun

    run = dlrun.train("model=lstm", "optim=adam", "trainer.epochs=2")
    run.metrics["val/perplexity"], run.sample("分开")
    board = dlrun.sweep("model=rnn,lstm", "optim.lr=0.1,0.01")

Each name is imported when it is first used: `import dlrun` itself loads no torch, no Hydra and no Rich.
"""

TYPE_CHECKING = False  # what `typing` says as well, without its import
if TYPE_CHECKING:
    from dlrun.api.actions import open, runs, sweep, train
    from dlrun.api.results import Leaderboard, Opened, Run, Runs
    from dlrun.errors import DataError, Diverged, DlrunError, RunFailed, Stopped, UserError

__version__ = "0.1.0"
__all__ = ["train", "sweep", "open", "runs", "Run", "Runs", "Leaderboard", "Opened", "DlrunError", "UserError"]
__all__ += ["DataError", "RunFailed", "Diverged", "Stopped", "__version__"]

_HOMES = {
    **dict.fromkeys(("train", "open", "runs"), "dlrun.api.actions"),
    **dict.fromkeys(("Run", "Runs", "Leaderboard", "Opened"), "dlrun.api.results"),
    **dict.fromkeys(("DlrunError", "UserError", "DataError", "RunFailed", "Diverged", "Stopped"), "dlrun.errors"),
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "sweep":
        return import_module("dlrun.sweep")  # a room of the house, which can be called
    if name not in _HOMES:
        raise AttributeError(f"module 'dlrun' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
