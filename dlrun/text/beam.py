"""How a translation is looked for with a model that knows the chances of the next word: greedy and beam search.

The prefix is read anew for each word: half a sentence's length times the work, and no state has to be moved about.
"""

from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class Translator(Protocol):
    """A model that translates, asked in two steps."""

    def encode(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """(B, S) ids, (B,) lengths -> tensors (B, ...): all that is kept of the sentences."""

    def decode(self, prefix: Tensor, *kept: Tensor) -> tuple[Tensor, Tensor | None]:
        """(B, T) ids, what `encode` answered -> (B, T, V) logits of the next word, (B, T, S) attention weights."""


class Found(NamedTuple):
    """A translation, complete or cut off at the longest length that was allowed."""

    ids: list[int]  # without the marks at both ends
    score: float  # log of its chance / its length, <eos> counted in, to the power of the length penalty


@torch.no_grad()
def greedy(model: Translator, source: Tensor, lengths: Tensor, *, bos: int, eos: int, longest: int) -> list[list[int]]:
    """(B, S) sentences -> B translations, each step the likeliest word."""
    kept = model.encode(source, lengths)
    prefix = source.new_full((len(source), 1), bos)
    ended = torch.zeros(len(source), dtype=torch.bool, device=source.device)
    for _ in range(longest):
        logits, _ = model.decode(prefix, *kept)
        following = logits[:, -1].argmax(1)
        prefix = torch.cat([prefix, following.unsqueeze(1)], dim=1)
        ended = ended | (following == eos)
        if ended.all():
            break
    return [up_to(eos, ids) for ids in prefix[:, 1:].tolist()]


def up_to(end: int, ids: list[int]) -> list[int]:
    return ids[: ids.index(end)] if end in ids else ids


@torch.no_grad()
def beam_search(
    model: Translator,
    source: Tensor,
    lengths: Tensor,
    *,
    bos: int,
    eos: int,
    longest: int,
    beam: int,
    length_penalty: float,
) -> list[Found]:
    """(1, S) a sentence -> translations, best first (book 10.11; Wu 2016, section 7).

    Of all ways to go on from `beam` unfinished translations the `beam` likeliest are kept, until as many have ended. A
    beam of 1 is greedy search. Without a penalty (0) short translations win, as each word makes a chance smaller.
    """
    kept = model.encode(source, lengths)
    prefix = source.new_full((1, 1), bos)
    totals = torch.zeros(1, device=source.device)
    found: list[Found] = []
    for length in range(1, longest + 1):
        logits, _ = model.decode(prefix, *(part.expand(len(prefix), *part.shape[1:]) for part in kept))
        log_p = totals.unsqueeze(1) + logits[:, -1].float().log_softmax(1)  # (beam, V)
        top = log_p.flatten().topk(min(beam, log_p.numel()))
        rows, ids = top.indices // log_p.shape[1], top.indices % log_p.shape[1]
        prefix, totals = torch.cat([prefix[rows], ids.unsqueeze(1)], dim=1), top.values
        over = (ids == eos) | (length == longest)
        for words, total in zip(prefix[over].tolist(), totals[over].tolist(), strict=True):
            found.append(Found(up_to(eos, words[1:]), total / length**length_penalty))
        prefix, totals = prefix[~over], totals[~over]
        beam -= int(over.sum())
        if not beam:
            break
    return sorted(found, key=lambda each: -each.score)
