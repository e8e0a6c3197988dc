"""Old names: what is typed is answered with the new one, and a run of before is read under it."""

from collections.abc import Mapping
from typing import Any

KEYS = {
    "model.vectors": "init=vectors init.run",
    "model.freeze": "init=vectors init.freeze",
    "model.divide": "model.width_divisor",
    "model.shrink": "model.downsample",
    "model.widths": "model.kernel_sizes",
    "model.two_channels": "model.multichannel",
    "model.feedforward": "model.feed_forward",
    "model.width": "model.embed",
    "task.steps": "task.seq_len",
    "task.order": "task.sampling",
    "task.shift": "task.random_shift",
    "task.flip": "task.random_flip",
    "task.erase": "task.random_erase",
    "task.test_flip": "task.tta_flip",
    "task.test_shift": "task.tta_shift",
    "launcher.lenient": "launcher.ignore_missing_keys",
}
CHOICES = {  # those whose old name means nothing today; model=transformer, once a language model, is one of them
    ("model", "translator"): "transformer",
    ("model", "text_transformer"): "transformer_classifier",
    ("task", "descend"): "minimize",
}
TARGETS = {  # of saved configs: what was built -> what is, and the choice that it was
    "dlrun.model.translator.Translator": ("dlrun.model.transformer.EncoderDecoder", "transformer"),
    "dlrun.model.transformer.Transformer": ("dlrun.model.transformer_lm.TransformerLM", "transformer_lm"),
    "dlrun.model.text_transformer.TextTransformer": (
        "dlrun.model.transformer_classifier.TransformerClassifier",
        "transformer_classifier",
    ),
    "dlrun.task.descend.Descend": ("dlrun.task.minimize.Minimize", "minimize"),
}
VALUES = {
    "task.loss": {"negative": "negative_sampling", "tree": "hierarchical_softmax", "full": "softmax"},
}
IMAGES = ("random_shift", "random_flip", "random_erase", "tta_flip", "tta_shift")


def new_name(key: str) -> str:
    """`model.vectors` -> a sentence for the user; "" for a key that has no other name."""
    return f"{key} is now {KEYS[key]}. Type {KEYS[key]}=…" if key in KEYS else ""


def new_choice(group: str, name: str) -> str:
    """`model`, `translator` -> a sentence for the user; "" for a choice that has no other name."""
    new = CHOICES.get((group, name))
    return f"{group}={name} is now {group}={new}. Type {group}={new}" if new else ""


def renew(config: dict[str, Any]) -> None:
    """Gives the config of an older run its names of today."""
    model, task = config.get("model", {}), config.get("task", {})
    run, freeze = model.pop("vectors", None), model.pop("freeze", False)
    if run is not None:
        config["init"] = {"_target_": "dlrun.init.vectors", "file": None, "run": run, "freeze": freeze}
        config["choices"]["init"] = "vectors"
    for group in ("model", "task"):
        if target := TARGETS.get(str(node_target(config.get(group)))):
            config[group]["_target_"], config["choices"][group] = target
    ours = {group: node for group, node in config.items() if str(node_target(node)).startswith("dlrun.")}
    for old, new in KEYS.items():
        group, _, key = old.partition(".")
        if key in ours.get(group, {}):
            ours[group][new.rpartition(".")[2]] = ours[group].pop(key)
    for old, values in VALUES.items():
        group, _, key = old.partition(".")
        if key in (node := ours.get(group, {})):
            node[key] = values.get(str(node[key]), node[key])
    if task.get("_target_") == "dlrun.task.classify.Classify" and "max_len" in task:
        split_classify(config)


def node_target(node: object) -> object:
    return node.get("_target_") if isinstance(node, dict) else None


def split_classify(config: dict[str, Any]) -> None:
    """One task had the options of images and of texts: which one it was the data say, or the option that is used."""
    task, data = config["task"], str(config.get("data", {}).get("_target_"))
    name = "classify"
    if data == "dlrun.data.imdb.load" or task["max_len"] is not None:
        name, task["_target_"] = "classify_texts", "dlrun.task.classify_texts.ClassifyTexts"
    elif data == "dlrun.data.fashion_mnist.load" or any(task.get(key) for key in IMAGES):
        name, task["_target_"] = "classify_images", "dlrun.task.classify_images.ClassifyImages"
    kept = {"classify_texts": ("max_len",), "classify_images": IMAGES, "classify": ()}[name]
    for key in {"max_len", *IMAGES} - set(kept):
        task.pop(key, None)
    if config["choices"].get("task") == "classify":
        config["choices"]["task"] = name


def renewed_word(word: str) -> str:
    """A word of a saved sweep's command: `task.steps=35,70` -> `task.seq_len=35,70`."""
    key, equals, value = word.partition("=")
    if new := CHOICES.get((key, value)):
        return f"{key}={new}"
    bare = key.lstrip("+")
    return (
        f"{key[: len(key) - len(bare)]}{KEYS.get(bare, bare)}{equals}{value}" if " " not in KEYS.get(bare, "") else word
    )


def renewed_weights(weights: dict[str, object]) -> dict[str, object]:
    """A model's state dict of an older run."""
    return {name.replace(".feedforward.", ".feed_forward."): value for name, value in weights.items()}


def renewed_launcher(launcher: Mapping[str, object]) -> dict[str, object]:
    """`launcher:` of an older sweep."""
    return {KEYS.get(f"launcher.{key}", key).rpartition(".")[2]: value for key, value in launcher.items()}
