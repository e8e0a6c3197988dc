"""Old names: what is typed is answered with the new one, and a run of before is read under it."""

from __future__ import annotations

from typing import Any

KEYS = {
    "model.vectors": "init=vectors init.run",
    "model.freeze": "init=vectors init.freeze",
    "task.shift": "task.random_shift",
    "task.flip": "task.random_flip",
    "task.erase": "task.random_erase",
    "task.test_flip": "task.tta_flip",
    "task.test_shift": "task.tta_shift",
}


def new_name(key: str) -> str:
    """`model.vectors` -> a sentence for the user; "" for a key that has no other name."""
    return f"{key} is now {KEYS[key]}. Type {KEYS[key]}=…" if key in KEYS else ""


def renew(config: dict[str, Any]) -> None:
    """Gives the config of an older run its names of today."""
    model, task = config.get("model", {}), config.get("task", {})
    run, freeze = model.pop("vectors", None), model.pop("freeze", False)
    if run is not None:
        config["init"] = {"_target_": "dlrun.init.vectors", "file": None, "run": run, "freeze": freeze}
        config["choices"]["init"] = "vectors"
    for old, new in KEYS.items():
        group, _, key = old.partition(".")
        if key in config.get(group, {}):
            config[group][new.rpartition(".")[2]] = config[group].pop(key)
    if task.get("_target_") == "dlrun.task.classify.Classify" and "max_len" in task:
        split_classify(config)


def split_classify(config: dict[str, Any]) -> None:
    """One task had the options of images and of texts: which one it was the data say, or the option that is used."""
    task, data = config["task"], str(config.get("data", {}).get("_target_"))
    images = ("random_shift", "random_flip", "random_erase", "tta_flip", "tta_shift")
    name = "classify"
    if data == "dlrun.data.imdb.load" or task["max_len"] is not None:
        name, task["_target_"] = "classify_texts", "dlrun.task.classify_texts.ClassifyTexts"
    elif data == "dlrun.data.fashion_mnist.load" or any(task.get(key) for key in images):
        name, task["_target_"] = "classify_images", "dlrun.task.classify_images.ClassifyImages"
    kept = {"classify_texts": ("max_len",), "classify_images": images, "classify": ()}[name]
    for key in {"max_len", *images} - set(kept):
        task.pop(key, None)
    if config["choices"].get("task") == "classify":
        config["choices"]["task"] = name
