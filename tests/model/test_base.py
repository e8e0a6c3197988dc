"""What a model may answer beside logits, and which models count."""

import torch
from models import bag, nbsvm

from dlrun.model.base import Counted, Output
from dlrun.model.ngram import NGram


def test_an_output_is_logits_and_nothing_else_unless_told() -> None:
    logits = torch.zeros(2, 3)
    answer, state, *rest = Output(logits)
    assert answer is logits and state is None and rest == [None, ()]
    assert Output(logits, auxiliary=(logits,)).state is None


def test_models_that_count_are_known_by_their_method() -> None:
    assert isinstance(nbsvm(), Counted) and isinstance(NGram(5, order=2), Counted)
    assert not isinstance(bag(), Counted)
