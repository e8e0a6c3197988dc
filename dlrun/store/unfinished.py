"""What is half made: a signal that ends the program at once has it removed first. Imports next to nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_removals: list[Callable[[], object]] = []


@contextmanager
def removed_by(remove: Callable[[], object]) -> Iterator[None]:
    """If the program is ended at once in the block, `remove()` is called; an exception's way out is its own."""
    _removals.append(remove)
    try:
        yield
    finally:
        _removals.remove(remove)


def remove() -> None:
    """From within a signal's handler, after which the program ends. What was begun last goes first."""
    for each in reversed(_removals):
        with suppress(OSError):
            each()
