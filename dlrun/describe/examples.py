"""A few examples of the training part, of a dataset whose files are not the user's own."""

from torch import Tensor

from dlrun.data.base import Schema, Split
from dlrun.tabular.columns import evenly
from dlrun.text.vocab import Vocab

BEGIN = 60  # tokens of a text that are shown


def examples_of(split: Split, schema: Schema) -> list[dict[str, str]]:
    """A few of the training part, of a dataset whose files are not the user's own."""
    if schema.inputs == "function":
        return []
    if schema.inputs == "text" and len(split) == 1:
        return [{"text": beginning(split.x[at : at + BEGIN], schema.vocab)} for at in evenly(len(split.x))]
    return [{**input_of(split, at, schema), **target_of(split, at, schema)} for at in evenly(len(split))]


def input_of(split: Split, at: int, schema: Schema) -> dict[str, str]:
    if schema.inputs == "image":
        return {"picture": f"train {at + 1:,}"}
    if schema.inputs == "table":
        return {f"x{place}": f"{value:g}" for place, value in enumerate(split.x[at].flatten().tolist(), 1)}
    if schema.inputs == "pair":
        return {"source": beginning(split.x[at], schema.vocab)}
    assert split.offsets is not None
    start, end = split.offsets[at : at + 2].tolist()
    return {"text": beginning(split.x[start : min(end, start + BEGIN)], schema.vocab)}


def target_of(split: Split, at: int, schema: Schema) -> dict[str, str]:
    if split.y is None:
        return {}
    name = schema.target or ("label" if schema.targets == "class" else "y")
    if schema.inputs == "pair":
        return {"target": beginning(split.y[at], schema.target_vocab)}
    if schema.targets == "class":
        number = int(split.y[at])
        return {name: schema.labels[number] if schema.labels else str(number)}
    return {name: ", ".join(f"{value:g}" for value in split.y[at].flatten().tolist()[:3])}


def beginning(ids: Tensor, vocab: Vocab | None) -> str:
    assert vocab is not None
    tokens = [token for token in vocab.decode(ids[:BEGIN].tolist()) if token not in ("<pad>", "<eos>")]
    return vocab.join(tokens)
