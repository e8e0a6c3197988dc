"""Time to load each dataset again, torch's import not counted: imdb under 1.5 s, the others under 0.5 s on two cores.

python bench/load_data.py [DATA…]     needs the real files: $DLRUN_DATA, $DLRUN_MIRRORS or a network
"""

import importlib
import sys
import time
from typing import Any

import torch  # noqa: F401  imported here, so that it is not measured

from dlrun.config import catalogue
from dlrun.errors import DataError
from dlrun.files import download


def load(name: str) -> Any:
    node = catalogue.read("data", name)
    module, _, function = node.pop("_target_").rpartition(".")
    arguments = []
    if "files" in node:
        folder, _ = download.get(node.pop("name"), node.pop("files"))
        arguments.append(folder)
    return getattr(importlib.import_module(module), function)(*arguments, **node)


def seconds(name: str) -> float:
    start = time.perf_counter()
    load(name)
    return time.perf_counter() - start


def main() -> None:
    for name in sys.argv[1:] or [name for name in catalogue.choices("data") if not catalogue.home_model(name)]:
        try:
            first, again = seconds(name), min(seconds(name) for _ in range(3))
        except DataError as error:
            print(error)
            continue
        limit = 1.5 if name == "imdb" else 0.5
        print(f"{name:18} first {first:6.2f} s   again {again:6.3f} s   {'ok' if again < limit else 'TOO SLOW'}")


if __name__ == "__main__":
    main()
