"""summary.json of a run while it trains, and its one writer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from dlrun.errors import DlrunError
from dlrun.run.folder import RunDir
from dlrun.run.signals import AtOnce


class Summary:
    """`facts`: what is known from the start. `progress` answers how far it has come; the trainer sets it."""

    def __init__(self, run: RunDir, facts: dict[str, object]):
        self.run, self.facts = run, facts
        self.progress: Callable[[], dict[str, object]] = dict

    def write(self, status: str, **more: str) -> None:
        self.run.write_summary({"status": status, **self.facts, **self.progress(), **more})

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Whatever happens in the block, it says how that ended: an exception of ours knows its status."""
        self.write("running")
        try:
            yield
        except BaseException as error:
            status, reason = (error.status, str(error)) if isinstance(error, DlrunError) else ("failed", repr(error))
            with suppress(OSError, DlrunError):  # of a full disk: what ended the run is to be told, not this
                try:
                    self.write(status, error=reason)
                except AtOnce:  # a second Ctrl-C in its midst; a third one ends the program
                    self.write(status, error=reason)
            raise
        self.write("completed")

    def note_failure(self, reason: str) -> None:
        """Of a run that never came to its trainer."""
        before = self.run.read_summary()
        if before.get("status") in (None, "running", "failed") and not self.run.in_use():
            self.run.write_summary({**self.facts, **before, "status": "failed", "error": reason})
