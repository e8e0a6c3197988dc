"""Options of a part as conf/ has them: a test names those that it changes."""

from pathlib import Path
from typing import Any, TypeVar

from omegaconf import OmegaConf

from dlrun.data.base import Data
from dlrun.task.base import Task

CONF = Path(__file__).parent.parent / "conf"


def options(part: str, **changed: Any) -> dict[str, Any]:
    """ "task/classify" -> {"label_smoothing": 0.0, ...}, without what it builds."""
    found = OmegaConf.to_container(OmegaConf.load(CONF / f"{part}.yaml"))
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items() if key != "_target_"} | changed


T = TypeVar("T", bound=Task)


def ready(kind: type[T], data: Data, **chosen: Any) -> T:
    """A task with its data attached."""
    task = kind(data.schema, **chosen)
    task.attach(data)
    return task
