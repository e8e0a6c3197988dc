"""What is global in a process and belongs to the program that called us: as it was, however a run ended.

Two things stay, which change no number. On a CPU with glibc freed memory is kept for the next step
(`device.keep_freed_memory`): the C library can't be asked what it did before. And the server that a sweep forks its
workers from waits for the next sweep, until the program ends.
"""

import logging
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import RLock, Timer
from types import FrameType

from dlrun.run import signals

AGAIN = 0.05  # seconds until a Ctrl-C that came too early is looked at again
DOOR = ("dlrun.api.actions", "dlrun.api.results")
WHOLE = ("importlib._bootstrap", "hydra", "omegaconf", "dlrun.api.scope")  # begins of modules' names
ONE_AT_A_TIME = RLock()  # random states, run.log and the terminal are the process's, not a thread's


@contextmanager
def undisturbed() -> Iterator[None]:
    """Around whatever composes or trains. Another thread that wants to as well waits."""
    from dlrun import console

    with ONE_AT_A_TIME, patient(), ExitStack() as stack:
        for kept in (environment, finders, start_method, loggers, hydras):
            stack.callback(kept())
        os.environ["PYTHONSAFEPATH"] = "1"  # as on the command line: no process of ours imports a socket.py beside it
        stack.enter_context(console.called())
        yield


@contextmanager
def torch_undisturbed() -> Iterator[None]:
    """Around whatever needs torch: it runs as in a new process, and its settings and all random states come back."""
    import torch

    from dlrun.device import rng_state, set_rng_state

    random_state, dtype = rng_state(), torch.get_default_dtype()
    mode, benchmark = torch.get_deterministic_debug_mode(), torch.backends.cudnn.benchmark
    try:
        torch.set_default_dtype(torch.float32)
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_deterministic_debug_mode(mode)
        torch.backends.cudnn.benchmark = benchmark
        set_rng_state(random_state)


# Ctrl-C


@contextmanager
def patient() -> Iterator[None]:
    """Within it Ctrl-C waits for the end of what must not be cut in two: imports, as torch and NumPy can't be imported

    a second time in one process; what Hydra composes, which would make an error of its own of it; this module.
    """
    earlier = signal.getsignal(signal.SIGINT) if signal.SIGINT in signals.heard() else None
    if not callable(earlier) or isinstance(getattr(earlier, "__self__", None), signals.GracefulStop | Patience):
        yield  # nobody would hear of it, or it is heard without an exception
        return
    patience = Patience(earlier)
    signal.signal(signal.SIGINT, patience.note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)
        patience.end()


class Patience:
    """Tells `earlier` of a Ctrl-C, at once or as soon as it may be."""

    def __init__(self, earlier: signals.Handler):
        self.earlier, self.later = earlier, list[Timer]()

    def note(self, number: int, frame: FrameType | None) -> None:
        first = not self.later
        while self.later:
            self.later.pop().cancel()
        if in_one_piece(frame):
            if first:
                signals.tell("stopping as soon as libraries are loaded")
            self.later.append(Timer(AGAIN, os.kill, (os.getpid(), number)))
            self.later[-1].daemon = True
            self.later[-1].start()
        else:
            self.earlier(number, frame)

    def end(self) -> None:
        if self.later:
            self.later.pop().cancel()
            self.earlier(signal.SIGINT, None)


def in_one_piece(frame: FrameType | None) -> bool:
    """Whether a frame belongs to an import and the like that our own call has begun."""
    while frame is not None and (name := frame.f_globals.get("__name__", "")) not in DOOR:
        if name.startswith(WHOLE):
            return True
        frame = frame.f_back
    return False


# each looks now, and answers with what puts it back


def environment() -> Callable[[], None]:
    before = dict(os.environ)

    def back() -> None:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        for name, value in before.items():
            if os.environ.get(name) != value:
                os.environ[name] = value

    return back


def finders() -> Callable[[], None]:
    """Of modules: a package that was trusted for one run is found by that run alone."""
    before = list(sys.meta_path)

    def back() -> None:
        sys.meta_path[:] = before

    return back


def start_method() -> Callable[[], None]:
    """To start a process with one method fixes the default, which a program may want to choose later."""
    before = multiprocessing.get_start_method(allow_none=True)
    return lambda: multiprocessing.set_start_method(before, force=True)  # None: none is fixed


def loggers() -> Callable[[], None]:
    """The root's handlers, and the levels of all that there are."""
    root = logging.getLogger()
    known = [each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    levels, handlers = [(each, each.level) for each in (root, *known)], list(root.handlers)

    def back() -> None:
        for each, level in levels:
            each.setLevel(level)
        root.handlers[:] = handlers

    return back


def hydras() -> Callable[[], None]:
    """The config, version and resolvers of a program that uses Hydra itself."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.utils import JobRuntime
    from hydra.version import VersionBase
    from omegaconf.basecontainer import BaseContainer

    config, version, job = HydraConfig.instance(), VersionBase.instance(), JobRuntime()
    before = config.cfg, version.version_base, job.get("name"), dict(BaseContainer._resolvers)

    def back() -> None:
        config.cfg, version.version_base, name, resolvers = before
        job.set("name", name)
        BaseContainer._resolvers.clear()
        BaseContainer._resolvers.update(resolvers)

    return back
