"""Vocabularies, how often each token occurs, and how long texts are, counted in a dataset's tensors."""

from dataclasses import dataclass

import torch
from torch import Tensor

from dlrun.data.base import Schema, Split
from dlrun.text.vocab import Vocab

PIECE = 2**22  # tokens that are counted at once
FREQUENT = 10  # tokens that are shown


@dataclass
class Tokens:
    """A vocabulary, and the lengths of the training part's texts in its tokens where there are texts.

    `lengths`: median, 95 % and longest. `frequent`: the training part's most frequent tokens and their share.
    """

    unit: str
    size: int
    frequent: list[tuple[str, float]]
    of: str = "text"
    lengths: dict[str, int] | None = None


def counted(split: Split, side: int, schema: Schema, size: int) -> Tensor:
    """(V,) how often each token occurs; of pairs without what fills them up."""
    ids = split.x if side == 0 else split.y
    assert ids is not None
    counts = torch.zeros(size, dtype=torch.int64)
    for piece in ids.reshape(-1).split(PIECE):
        counts += torch.bincount(piece.int(), minlength=size)
    if schema.inputs == "pair":
        counts[0] = 0
    return counts


def frequent(counts: Tensor, vocab: Vocab) -> list[tuple[str, float]]:
    """Without those that stand for no text of their own, such as <unk>."""
    total = max(1, int(counts.sum()))
    order = counts.argsort(descending=True, stable=True)[: FREQUENT + 8].tolist()
    kept = [at for at in order if counts[at] and at != vocab.unknown and not is_mark(vocab.tokens[at])]
    return [(vocab.tokens[at], int(counts[at]) / total) for at in kept[:FREQUENT]]


def is_mark(token: str) -> bool:
    """<pad>, <eos>"""
    return len(token) > 2 and token[0] == "<" and token[-1] == ">"


def lengths(split: Split, side: int, schema: Schema) -> dict[str, int] | None:
    """In tokens; of one long stream there are none."""
    if schema.inputs == "pair":
        ids = split.x if side == 0 else split.y
        assert ids is not None
        found = (ids != 0).sum(1) - 1  # without <eos>
    elif split.offsets is not None and len(split) > 1:
        found = split.offsets.diff()
    else:
        return None
    ordered = found.sort().values
    at = {"median": 0.5, "95 %": 0.95, "longest": 1.0}
    return {name: int(ordered[round(share * (len(ordered) - 1))]) for name, share in at.items()}
