"""The set of a text's n-grams, as numbers of rows in a table (hashed as in Joulin 2016, 1607.01759, section 2.2)."""

import torch
from torch import Tensor

PRIME, FACTOR = 2**31 - 1, 1_000_003  # their product fits into 63 bits, so that no hash ever overflows


def ngram_set(ids: Tensor, lengths: Tensor, vocab_size: int, n: int, buckets: int) -> tuple[Tensor, Tensor]:
    """(B, T) ids, (B,) lengths -> (total,) rows, and (B,) where each text's begin: what EmbeddingBag takes."""
    rows, new = ngram_rows(ids, lengths, vocab_size, n, buckets)
    counts = new.sum(1)
    return rows[new], counts.cumsum(0) - counts


def ngram_rows(ids: Tensor, lengths: Tensor, vocab_size: int, n: int, buckets: int) -> tuple[Tensor, Tensor]:
    """(B, T) ids, (B,) lengths -> (B, N) sorted rows, and (B, N) which of them count.

    A word has the row of its own number, two to `n` words in a row share `buckets` rows behind those of the words.
    Each counts once, however often it stands in the text: whether tells more about a review than how often
    (Wang & Manning 2012, section 2.1). Sorting for that is most of what it costs.
    """
    last = torch.arange(ids.shape[1], device=ids.device)
    nothing = vocab_size + buckets  # the row that is none: sorted to the end
    found, hashed = [ids.masked_fill(last >= lengths.unsqueeze(1), nothing)], ids
    for width in range(2, min(n, ids.shape[1]) + 1):
        hashed = (hashed[:, :-1] * FACTOR + ids[:, width - 1 :] + 1) % PRIME
        rows = vocab_size + hashed % buckets
        found.append(rows.masked_fill(last[width - 1 :] >= lengths.unsqueeze(1), nothing))
    rows = torch.cat(found, dim=1).sort(dim=1).values
    new = rows < nothing
    new[:, 1:] &= rows[:, 1:] != rows[:, :-1]
    return rows, new
