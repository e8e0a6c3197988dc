"""Options of a part as conf/ has them: a test names those that it changes."""

from typing import Any, TypeVar

from dlrun.config import catalogue
from dlrun.data.base import Data
from dlrun.task.base import Task


def options(part: str, **changed: Any) -> dict[str, Any]:
    """ "task/classify" -> {"label_smoothing": 0.0, ...}, without what it builds."""
    group, name = part.split("/")
    return {key: value for key, value in catalogue.read(group, name).items() if key != "_target_"} | changed


T = TypeVar("T", bound=Task)


def ready(kind: type[T], data: Data, **chosen: Any) -> T:
    """A task with its data attached."""
    task = kind(data.schema, **chosen)
    task.attach(data)
    return task
