"""Classifiers over sets of n-grams as a graph: each text has as many places as the longest, and those that do not count
add nothing. The models' own way gathers what counts, and how much that is no exporter can foresee."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, pad

from dlrun.model.bag import Bag
from dlrun.model.nbsvm import NBSVM
from dlrun.nn.ngrams import ngram_rows


def present(model: Bag | NBSVM, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """(B, T) ids -> (B, N) rows, (B, N, 1) which count: 1.0 or 0.0."""
    ids = pad(ids, (0, model.ngrams))  # never shorter than the longest n-gram
    rows, new = ngram_rows(ids, lengths, model.vocab_size, model.ngrams, model.buckets)
    return torch.where(new, rows, 0), new.unsqueeze(2).float()


def bag(model: Bag, ids: Tensor, lengths: Tensor) -> Tensor:
    """(B, T) ids, (B,) lengths -> (B, outputs)."""
    rows, counts = present(model, ids, lengths)
    mean = (embedding(rows, model.embedding.weight) * counts).sum(1) / counts.sum(1)
    logits: Tensor = model.output(mean)
    return logits


def nbsvm(model: NBSVM, ids: Tensor, lengths: Tensor) -> Tensor:
    """(B, T) ids, (B,) lengths -> (B, outputs)."""
    rows, counts = present(model, ids, lengths)
    summed = (embedding(rows, model.votes) * model.weight[rows].unsqueeze(2) * counts).sum(1)
    return summed * counts.sum(1).rsqrt() + model.bias


FORMS: dict[type[nn.Module], Callable[..., Tensor]] = {Bag: bag, NBSVM: nbsvm}


@contextmanager
def spread(model: nn.Module) -> Iterator[None]:
    """Within it such a model computes so."""
    form = FORMS.get(type(model))
    try:
        if form:
            model.forward = partial(form, model)
        yield
    finally:
        if form:
            del model.forward
