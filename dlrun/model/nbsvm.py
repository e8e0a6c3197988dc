"""A linear classifier over the votes of naive Bayes (Wang & Manning 2012, Baselines and Bigrams: NB-SVM)."""

from collections.abc import Iterable
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from dlrun.limits import PositiveFloat, PositiveInt, Reach
from dlrun.nn.ngrams import ngram_set


class Labelled(Protocol):
    """A batch of texts and their classes."""

    @property
    def inputs(self) -> tuple[Tensor, ...]: ...  # (B, T) ids, (B,) lengths

    @property
    def y(self) -> Tensor: ...  # (B,)


class NBSVM(nn.Module):
    """What an n-gram votes for each class is counted, and how much its vote weighs is learned, from 0 on.

    The paper's features are f∘r: for two classes it is the same. It differs in the loss, which is the task's (logistic,
    no hinge), and in having no interpolation with plain naive Bayes: few passes keep the weights alike instead.
    A text's sum is divided by the root of its number of n-grams, else long texts are always sure.
    `smoothing` is the paper's alpha: the larger, the less say rare n-grams have. In reviews those are the names of one
    film, and another film's reviews do not have them.
    """

    votes: Tensor

    def __init__(self, vocab_size: int, outputs: int, *, ngrams: Reach, buckets: PositiveInt, smoothing: PositiveFloat):
        super().__init__()
        self.vocab_size, self.ngrams, self.buckets, self.smoothing = vocab_size, ngrams, buckets, smoothing
        rows = vocab_size + (buckets if ngrams > 1 else 0)
        self.weight = nn.Parameter(torch.zeros(rows))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.register_buffer("votes", torch.zeros(rows, outputs))

    @torch.no_grad()
    def count(self, batches: Iterable[Labelled]) -> None:
        """The whole training part -> log p(n-gram | class), less its mean over the classes."""
        counts = torch.full_like(self.votes, self.smoothing)
        for batch in batches:
            (ids, lengths), y = batch.inputs, batch.y
            rows, begins = self.present(ids, lengths)
            sizes = begins.diff(append=begins.new_tensor([len(rows)]))
            place = rows * counts.shape[1] + y.repeat_interleave(sizes)
            counts.view(-1).index_add_(0, place, torch.ones_like(place, dtype=counts.dtype))
        log_p = counts.log() - counts.sum(0).log()
        self.votes.copy_(log_p - log_p.mean(1, keepdim=True))

    def _load_from_state_dict(self, state_dict: dict[str, object], prefix: str, *rest: object) -> None:
        state_dict.pop(f"{prefix}counted", None)  # of version 0.1.0
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def present(self, ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        return ngram_set(ids, lengths, self.vocab_size, self.ngrams, self.buckets)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """(B, T) ids, (B,) lengths -> (B, outputs)."""
        rows, begins = self.present(ids, lengths)
        sizes = begins.diff(append=begins.new_tensor([len(rows)]))
        summed = embedding_bag(rows, self.votes, begins, mode="sum", per_sample_weights=self.weight[rows])
        return summed * sizes.unsqueeze(1).rsqrt() + self.bias
