"""Old names: what is typed is answered with the new one, and a run of before is read under it."""

from __future__ import annotations

from typing import Any

KEYS = {"model.vectors": "init=vectors init.run", "model.freeze": "init=vectors init.freeze"}


def new_name(key: str) -> str:
    """`model.vectors` -> a sentence for the user; "" for a key that has no other name."""
    return f"{key} is now {KEYS[key]}. Type {KEYS[key]}=…" if key in KEYS else ""


def renew(config: dict[str, Any]) -> None:
    """Gives the config of an older run its names of today."""
    model = config.get("model", {})
    run, freeze = model.pop("vectors", None), model.pop("freeze", False)
    if run is not None:
        config["init"] = {"_target_": "dlrun.init.vectors", "file": None, "run": run, "freeze": freeze}
        config["choices"]["init"] = "vectors"
